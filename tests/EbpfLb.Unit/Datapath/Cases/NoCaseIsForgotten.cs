using System.Reflection;

namespace EbpfLb.Unit.Datapath.Cases;

/// <summary>The catalogue of cases and the tests are one.</summary>
public sealed class NoCaseIsForgotten
{
    [Theory]
    [MemberData(nameof(Catalogue))]
    public void Every_case_is_held_by_a_test(PacketCase packetCase) => Assert.Contains(packetCase, Held());

    public static TheoryData<PacketCase> Catalogue => [.. Enum.GetValues<PacketCase>()];

    /// <summary>A class without tests holds nothing, whatever it says.</summary>
    static HashSet<PacketCase> Held() =>
    [
        .. from type in typeof(NoCaseIsForgotten).Assembly.GetTypes()
           from test in type.GetMethods().Where(method => method.GetCustomAttribute<FactAttribute>() is not null)
           from member in new MemberInfo[] { type, test }
           from packetCase in member.GetCustomAttribute<CaseAttribute>()?.Cases ?? []
           select packetCase,
    ];
}
