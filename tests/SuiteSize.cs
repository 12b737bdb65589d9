namespace EbpfLb.Tests;

/// <summary>
/// How much the specs do: enough for every change (<c>make test</c>), or as much as a night has time for
/// (<c>make soak</c>, which sets <c>EBPFLB_SOAK=1</c>). The specs are the same, and only this class knows which it is.
/// </summary>
static class SuiteSize
{
    public static bool IsSoak { get; } = Environment.GetEnvironmentVariable("EBPFLB_SOAK") == "1";

    /// <summary>Random packets that the datapath and its model are compared on, over all hooks.</summary>
    public static int ModelPackets { get; } = Of(120_000, soak: 10_000_000);

    /// <summary>Mutated frames that the datapath has to carry right or not at all, over all hooks and families.</summary>
    public static int HostileFrames { get; } = Of(400_000, soak: 10_000_000);

    /// <summary>Flows in a table that is listed or collected. A million takes a gigabyte.</summary>
    public static uint TableFlows { get; } = Of(20_000u, soak: 1_000_000u);

    static T Of<T>(T test, T soak) => IsSoak ? soak : test;
}
