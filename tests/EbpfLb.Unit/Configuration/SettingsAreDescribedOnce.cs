using System.CommandLine;
using System.Text.Json.Nodes;
using EbpfLb.Commands;
using EbpfLb.Configuration;
using EbpfLb.Manual;
using Json.Schema;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EbpfLb.Unit.Configuration;

/// <summary>Help, reference, schema and reading derive from one description of each setting.</summary>
public sealed class SettingsAreDescribedOnce
{
    static readonly JsonSchema Schema = JsonSchema.FromText(SettingsSchema.Create());

    static Command Run => CommandLine.Create((_, _, _, _) => Task.FromResult(0)).Subcommands.Single(command => command.Name == "run");

    public static TheoryData<string> Paths => [.. All("", LoadBalancerConfiguration.Settings.All).Select(setting => setting.Path)];

    [Fact]
    public void The_reference_page_is_the_generated_one() => Assert.Equal(SettingsPage.Create(), Resource("configuration.md"));

    [Fact]
    public void The_schema_is_the_generated_one() => Assert.Equal(SettingsSchema.Create(), Resource("ebpf-lb.schema.json"));

    [Theory]
    [MemberData(nameof(Paths))]
    public void A_description_is_a_sentence_without_its_full_stop(string path)
    {
        var setting = Find(path);

        Assert.Matches(@"^(\p{Lu}|nat |/).*[^.]$", setting.Description);
        Assert.DoesNotContain('\n', setting.Description);
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void A_flag_of_run_gives_each_setting_that_has_one(string path)
    {
        var isPair = path.Contains('.') && Find(path[..path.LastIndexOf('.')]).Pairs is not null;

        if (Find(path) is { Flag: { } flag } setting && !isPair)
            Assert.Contains(setting.Description, Run.Options.Single(option => option.Name == flag).Description, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_flag_of_run_but_two_is_a_setting() => Assert.Equal(
        ["--config", "--replace"],
        Run.Options.Select(option => option.Name)
            .Except(All("", LoadBalancerConfiguration.Settings.All).Select(setting => setting.Setting.Flag ?? "")).Order());

    [Theory]
    [InlineData("timeouts", "opening 31s, established 135m, ended 10s, udp 1m")]
    [InlineData("flows", "65536")]
    [InlineData("hook", "auto")]
    [InlineData("leave-attached", "false")]
    [InlineData("withdraw-for", "0s")]
    [InlineData("services.drain", "30s")]
    [InlineData("services.health.timeout", "500ms")]
    [InlineData("services.backends.weight", "1")]
    [InlineData("docker.socket", "unix:///var/run/docker.sock")]
    [InlineData("docker.network", null)]
    [InlineData("metrics", null)]
    public void A_default_is_written_as_users_write_it(string path, string? text) => Assert.Equal(text, Find(path).Default);

    [Theory]
    [InlineData("interface", false)]
    [InlineData("timeouts", false)]
    [InlineData("services", true)]
    [InlineData("docker", true)]
    public void A_setting_says_whether_a_reload_applies_it(string path, bool isReloadable) =>
        Assert.Equal(isReloadable, Find(path).IsReloadable);

    [Theory]
    [InlineData("interface: eth0\nservices: [ { listen: ':80', backends: [ web, { address: b, weight: 2 } ] } ]")]
    [InlineData("interface: [ a, b ]\nmetrics: 9464\nleave-attached: true\nservices: [ { listen: ':80', health: { tcp: true } } ]")]
    [InlineData("interface: eth0\nsockets: []\nservices: [ { listen: ':80', backends: [] } ]")]
    public void The_schema_accepts_a_valid_file(string text) => AssertBothAccept(text);

    [Fact]
    public void The_schema_accepts_the_example() => AssertBothAccept(Resource("ebpf-lb.yaml"));

    [Theory]
    [InlineData("services: [ { listen: ':80' } ]")]
    [InlineData("interface: eth0\nhook: xdp\nservices: [ { listen: ':80' } ]")]
    [InlineData("interface: eth0\nflows: 1\nservices: [ { listen: ':80' } ]")]
    [InlineData("interface: eth0\ntimeouts: { udp: 60 }\nservices: [ { listen: ':80' } ]")]
    [InlineData("interface: eth0\nservices: [ { listen: ':80', health: { tcp: false } } ]")]
    [InlineData("interface: eth0\nservices: [ { listen: ':80', backends: [ { adress: b } ] } ]")]
    [InlineData("interface: eth0\nservice: [ { listen: ':80' } ]")]
    [InlineData("interface: []\nservices: [ { listen: ':80' } ]")]
    [InlineData("interface: eth0\nservices: []")]
    [InlineData("interface: eth0\nservices: [ { listen: ':80', nat-source: [] } ]")]
    public void The_schema_refuses_an_invalid_file(string text)
    {
        Assert.NotEmpty(Given.Yaml(text).Errors);
        Assert.False(Schema.Evaluate(Json(text)).IsValid);
    }

    static void AssertBothAccept(string text)
    {
        Assert.Empty(Given.Yaml(text).Errors);
        Assert.True(Schema.Evaluate(Json(text)).IsValid);
    }

    static IEnumerable<(string Path, Setting Setting)> All(string prefix, IEnumerable<Setting> settings) =>
        settings.SelectMany(setting => All($"{prefix}{setting.Name}.", setting.Keys).Prepend(($"{prefix}{setting.Name}", setting)));

    static Setting Find(string path) =>
        All("", LoadBalancerConfiguration.Settings.All).Single(setting => setting.Path == path).Setting;

    static string Resource(string name)
    {
        using var reader = new StreamReader(typeof(SettingsAreDescribedOnce).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    static System.Text.Json.JsonElement Json(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return System.Text.Json.JsonSerializer.SerializeToElement(Json(stream.Documents[0].RootNode));
    }

    /// <summary>As an editor reads a file: plain scalars may be numbers or booleans.</summary>
    static JsonNode Json(YamlNode node) => node switch
    {
        YamlMappingNode mapping => new JsonObject(mapping.Children.Select(
            child => KeyValuePair.Create(((YamlScalarNode)child.Key).Value!, (JsonNode?)Json(child.Value)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(Json)]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: "true" or "false" } word => word.Value == "true",
        YamlScalarNode { Style: ScalarStyle.Plain } scalar when long.TryParse(scalar.Value, out var number) => number,
        _ => ((YamlScalarNode)node).Value!,
    };
}
