using System.Globalization;
using System.Text;
using EbpfLb.Configuration;

namespace EbpfLb.Unit.Configuration;

/// <summary>Whatever a file holds, the answer is a configuration or faults; never an exception, never a long wait.</summary>
public sealed class YamlOfAnyShapeGivesErrors
{
    const string Good = """
        interface: eth0
        hook: auto
        events: flows
        services:
          - name: web
            listen: self:80/tcp
            algorithm: round-robin
            backends: [ 172.20.0.2:80, { address: "172.20.0.3:80", weight: 2 } ]
        """;

    [Theory]
    [InlineData("", "lb.yaml", "holds no configuration")]
    [InlineData("# nothing\n", "lb.yaml", "holds no configuration")]
    [InlineData("hello", "lb.yaml:1:1", "is not a mapping with the keys interface, interface-timeout, hook,")]
    [InlineData("- a\n- b\n", "lb.yaml:1:1", "is not a mapping")]
    [InlineData("interface: eth0\nservices: [ {listen: ':80' }\n", "lb.yaml:2:11", "is not closed, or a comma is missing after it")]
    [InlineData("interface: eth0\ninterface: eth1\nservices: [{listen: ':80'}]", "lb.yaml:2:1", "is given twice")]
    [InlineData("interface: eth0\n!!str interface: eth1\nservices: [{listen: ':80'}]", "lb.yaml:2:1", "is given twice")]
    [InlineData("interface: eth0\n? [a, b]\n: c\nservices: [{listen: ':80'}]", "lb.yaml:2:3", "is not a known key")]
    [InlineData("interface: {name: eth0}\nservices: [{listen: ':80'}]", "lb.yaml:1:12 interface", "is not a single value")]
    [InlineData("interface: eth0\nservices: [{listen: [fd00::1]}]", "lb.yaml:2:21 services[0].listen", "is not a single value")]
    [InlineData("interface: &a eth0\nservices: [{listen: *a}]", "lb.yaml:1:12", "anchors and aliases are not supported")]
    [InlineData("interface: eth0\nservices: [{listen: *a}]", "lb.yaml:2:21", "anchors and aliases are not supported")]
    [InlineData("interface: eth0\n---\ninterface: eth0\n", "lb.yaml:2:1", "a second document starts here")]
    [InlineData("interface: eth0\nservices:\n  listen: :80\n", "lb.yaml:3:3 services", "is not a list")]
    [InlineData("interface: eth0\nservices: []\n", "lb.yaml:2:11 services", "no services are configured")]
    [InlineData("interface: eth0\n", "lb.yaml:1:1 services", "no services are configured")]
    [InlineData("interface: eth0\nservices: [web]\n", "lb.yaml:2:12 services[0]", "is not a mapping with the keys name")]
    [InlineData("interface: eth0\nservices: [{name: web}]\n", "lb.yaml:2:12 services[0].listen", "the listen is missing")]
    [InlineData("interface: eth0\nservices: [{listen: ':80', backends: b}]\n",
        "lb.yaml:2:38 services[0].backends", "is not a list")]
    [InlineData("interface: eth0\nservices: [{listen: ':80', backends: [{weight: 1}]}]\n",
        "lb.yaml:2:39 services[0].backends[0].address", "the address is missing")]
    [InlineData("interface: eth0\nservices: [{listen: ':80', backends: [[]]}]\n",
        "lb.yaml:2:39 services[0].backends[0]", "is neither an address nor a mapping with the keys address, weight")]
    [InlineData("interface: eth0\nservices: [{listen: ':80', ports: 1}]\n", "lb.yaml:2:28 services[0]", "is not a known key")]
    [InlineData("interface: eth0\nservices: [{listen: ':80', backends: [weight: 1]}]\n", "lb.yaml:2:39 services[0].backends[0].address", "the address is missing")]
    public void A_fault_names_line_column_and_path(string text, string place, string problem)
    {
        var fault = Assert.Single(Given.Yaml(text).Errors);

        Assert.Equal(place, fault.Location.Text);
        Assert.Contains(problem, fault.Problem, StringComparison.Ordinal);
        Assert.NotEmpty(fault.Remedy);
    }

    [Theory]
    [InlineData("interface: eth0\nservices:\n- name: web\n  listen: [fd00::1]:80\n  backends: [fd00::2]\n", "lb.yaml:4:11", "[fd00::1]:80")]
    [InlineData("interface: eth0\nservices:\n- { listen: [::]:80/udp, backends: [b] }\n", "lb.yaml:3:13", "[::]:80/udp")]
    [InlineData("interface: eth0\nservices:\n- listen: ':80'\n  backends:\n  - '[fd00::2]:80'\n  - [fd00::3]:80\n", "lb.yaml:6:5", "[fd00::3]:80")]
    [InlineData("interface: eth0\nservices:\n- listen: ':80'\n  backends: [ web, [fd00::3]:80 ]\n", "lb.yaml:4:20 services[0].backends[1]", "[fd00::3]:80")]
    public void An_IPv6_endpoint_without_quotes_is_named_with_them(string text, string place, string endpoint)
    {
        var fault = Assert.Single(Given.Yaml(text).Errors);

        Assert.Equal((place, endpoint, "begins with a bracket"), (fault.Location.Text, fault.Value, fault.Problem));
        Assert.Equal($"Write it in quotes: '{endpoint}'", fault.Remedy);
    }

    [Theory]
    [InlineData("interface: eth0\nservices:\n\t- listen: ':80'\n", "lb.yaml:3:1: a tab indents this line. Indent it with blanks: YAML allows no tab there.")]
    [InlineData("interface: eth0\nservices:\n  - listen: ':80'\n  \tbackends: [ web ]\n",
        "lb.yaml:4:3: a tab indents this line. Indent it with blanks: YAML allows no tab there.")]
    [InlineData("interface:eth0\nservices:\n  - listen: ':80'\n", "lb.yaml:1:1: 'interface:eth0' has no blank after the colon. Write 'interface: eth0'.")]
    [InlineData("interface: eth0\nhook:tc\nservices:\n  - listen: ':80'\n", "lb.yaml:2:1: 'hook:tc' has no blank after the colon. Write 'hook: tc'.")]
    [InlineData("interface: eth0\nservices:\n  - listen: ':80'\n    mode:dsr\n    backends: [ web ]\n",
        "lb.yaml:4:5: 'mode:dsr' has no blank after the colon. Write 'mode: dsr'.")]
    [InlineData("interface:eth0\n", "lb.yaml:1:1: 'interface:eth0' has no blank after the colon. Write 'interface: eth0'.")]
    [InlineData("interface: eth0\nservices: [ { listen: ':80', name:web } ]\n", "lb.yaml:2:30 services[0]: 'name:web' has no blank after the colon. Write 'name: web'.")]
    [InlineData("interface: eth0\nservices:\n  - listen: ':80\n    backends: [ web ]\n",
        "lb.yaml:3:13: the quote that opens here is not closed on this line. Close it with '.")]
    [InlineData("interface: eth0\nservices:\n  - name: \"web\n    listen: \":80\"\n",
        "lb.yaml:3:11: the quote that opens here is not closed on this line. Close it with \".")]
    [InlineData("interface: eth0\nservices:\n  - listen: ':80'\n   backends: [ web ]\n",
        "lb.yaml:4:4: the indentation of this line fits no line above it. Indent all keys of one mapping, and all '-' of one list, by the same number of blanks.")]
    [InlineData("interface: eth0\nservices:\n  - listen: ':80'\n     backends: [ web ]\n",
        "lb.yaml:4:6: the indentation of this line fits no line above it. Indent all keys of one mapping, and all '-' of one list, by the same number of blanks.")]
    [InlineData("interface: eth0\n  hook: tc\nservices:\n  - listen: ':80'\n",
        "lb.yaml:2:3: the indentation of this line fits no line above it. Indent all keys of one mapping, and all '-' of one list, by the same number of blanks.")]
    [InlineData("interface: eth0\nservices:\n  - listen: ':80'\n    backends: [ a, b\n",
        "lb.yaml:4:15: '[' is not closed, or a comma is missing after it. Close it with ']', and write commas between its values.")]
    [InlineData("interface: eth0\nservices:\n  - listen: ':80'\n    backends: [ 'a' 'b' ]\n",
        "lb.yaml:4:15: '[' is not closed, or a comma is missing after it. Close it with ']', and write commas between its values.")]
    [InlineData("interface: @eth0\nservices:\n  - listen: ':80'\n", "lb.yaml:1:12: '@' cannot begin a value. Write the value in quotes.")]
    [InlineData("interface: eth0\nhook tc\nservices:\n  - listen: ':80'\n", "lb.yaml:2:1: 'hook tc' has no colon after its key. Write 'KEY: VALUE'.")]
    [InlineData("hook tc\ninterface: eth0\n", "lb.yaml:1:1: 'hook tc' has no colon after its key. Write 'KEY: VALUE'.")]
    [InlineData("interface: eth0: b\n", "lb.yaml:1:1: 'interface: eth0: b' has more than a key and one value. Write the value in quotes.")]
    [InlineData("interface: eth0\nservices:\n  listen: ':80'\n  - name: x\n",
        "lb.yaml:4:3: '- name: x' is a list item among the keys of a mapping. Write either a list or a mapping there.")]
    public void Text_that_is_no_YAML_is_explained_at_its_line(string text, string sentence) =>
        Assert.Equal(sentence, $"{Assert.Single(Given.Yaml(text).Errors)}");

    [Fact]
    public void Deep_nesting_is_refused()
    {
        var fault = Assert.Single(Given.Yaml("interface: " + new string('[', 100_000)).Errors);

        Assert.Contains("nested deeper than 16 levels", fault.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Aliases_cannot_multiply()
    {
        var bomb = new StringBuilder("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for (var i = 1; i < 30; i++)
            bomb.Append(CultureInfo.InvariantCulture, $"a{i}: &a{i} [*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1}]\n");

        var fault = Assert.Single(Given.Yaml(bomb.ToString()).Errors);

        Assert.Contains("anchors and aliases", fault.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_text_gives_faults()
    {
        var random = new Random(20_26);
        for (var round = 0; round < 2_000; round++)
        {
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            AssertFaults(Given.Yaml(Encoding.Latin1.GetString(bytes)));
        }
    }

    [Fact]
    public void Damaged_files_give_faults_or_a_configuration_that_is_whole()
    {
        const string Bits = "{}[]:,-&*!|>'\"%@`#? \n\t\0\u0085\uFFFF0aself";
        var random = new Random(42);
        for (var round = 0; round < 5_000; round++)
        {
            var text = new StringBuilder(Good);
            for (var edits = random.Next(1, 6); edits > 0; edits--)
            {
                var at = random.Next(text.Length);
                if (random.Next(2) == 0)
                    text.Remove(at, Math.Min(random.Next(1, 20), text.Length - at));
                else
                    text.Insert(at, Bits[random.Next(Bits.Length)]);
            }
            var reading = Given.Yaml(text.ToString());
            if (reading.Configuration is { } configuration)
                Assert.All(configuration.Services, service => Assert.NotEqual(0, service.Listen.Port));
            else
                AssertFaults(reading);
        }
    }

    [Fact]
    public void The_undamaged_file_is_a_configuration() => Assert.Empty(Given.Yaml(Good).Errors);

    static void AssertFaults(ConfigurationResult reading)
    {
        Assert.Null(reading.Configuration);
        Assert.NotEmpty(reading.Errors);
        Assert.All(reading.Errors, fault => Assert.DoesNotContain('\n', fault.ToString()));
    }
}
