using ArchUnitNET.Fluent.Syntax.Elements.Types;
using ArchUnitNET.Loader;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace EbpfLb.Unit.Architecture;

/// <summary>The folders of <c>src/EbpfLb</c> stand in one order; what is above may use what is below, never the reverse.</summary>
public sealed class FoldersDependDownwards
{
    /// <summary>From the top down. The settings are beside it: <see cref="Settings"/>.</summary>
    static readonly string[] Order =
    [
        "Commands", "Hosting", "Providers", "Health", "Doctor", "Metrics", "Status", "Events", "Flows", "Reconcile", "Datapath",
        "Tables", "Abi", "Networking", "Native",
    ];

    /// <summary>Used by all above the tables; uses none of them.</summary>
    const string Settings = "Configuration";

    static readonly ArchUnitNET.Domain.Architecture Code = new ArchLoader().LoadAssemblies(typeof(LoadBalancerException).Assembly).Build();

    public static TheoryData<string> Folders => [.. Order];

    public static TheoryData<string> WithoutSettings => [.. Order.SkipWhile(folder => folder != "Tables")];

    public static TheoryData<string> ProviderFolders => ["Files", "Flags", "Names", "Containers"];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_uses_no_folder_above_it(string folder)
    {
        foreach (var above in Order.TakeWhile(known => known != folder))
            RequireNoUse(folder, above);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void The_configuration_uses_no_other_folder(string folder) => RequireNoUse(Settings, folder);

    [Theory]
    [MemberData(nameof(WithoutSettings))]
    public void Tables_and_what_is_below_them_do_not_use_the_configuration(string folder) => RequireNoUse(folder, Settings);

    [Theory]
    [MemberData(nameof(ProviderFolders))]
    public void A_provider_uses_no_other_provider(string folder)
    {
        foreach (var other in ProviderFolders.Select(row => row.Data).Where(other => other != folder))
            RequireNoUse($"Providers.{folder}", $"Providers.{other}");
        Verify(Types().That().ResideInNamespaceMatching(Within($"Providers.{folder}"))
            .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(@"^EbpfLb\.Providers$")));
    }

    [Fact]
    public void Every_folder_has_its_place_in_the_order()
    {
        var folders = typeof(LoadBalancerException).Assembly.GetTypes().Select(type => type.Namespace ?? "")
            .Where(name => name.StartsWith("EbpfLb.", StringComparison.Ordinal)).Select(name => name.Split('.')[1]).Distinct();

        Assert.Equal(Order.Append(Settings).Order(), folders.Order());
    }

    [Fact]
    public void A_type_in_no_folder_uses_no_folder() =>
        Verify(Types().That().ResideInNamespaceMatching(@"^EbpfLb$")
            .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(@"^EbpfLb\.")));

    static void RequireNoUse(string folder, string other) => Verify(Types().That().ResideInNamespaceMatching(Within(folder))
        .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(Within(other))));

    /// <summary>Fails with every type that breaks the rule, and with what it uses.</summary>
    static void Verify(TypesShouldConjunction rule)
    {
        var broken = rule.Evaluate(Code).Where(result => !result.Passed).Select(result => result.Description).ToArray();
        Assert.True(broken.Length == 0, string.Join('\n', broken));
    }

    static string Within(string folder) => $@"^EbpfLb\.{folder.Replace(".", @"\.", StringComparison.Ordinal)}(\.|$)";
}
