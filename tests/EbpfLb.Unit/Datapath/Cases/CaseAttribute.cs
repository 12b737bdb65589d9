using Xunit.v3;

namespace EbpfLb.Unit.Datapath.Cases;

/// <summary>Names the cases that a test, or every test of a class, holds.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class CaseAttribute(params PacketCase[] cases) : Attribute, ITraitAttribute
{
    public IReadOnlyList<PacketCase> Cases { get; } = cases;

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() =>
        [.. Cases.Select(packetCase => KeyValuePair.Create("case", packetCase.ToString()))];
}
