using System.Globalization;

namespace EbpfLb.Tests;

/// <summary>
/// How much the specs do: enough for every change (<c>make test</c>), or as much as a night has time for
/// (<c>make soak</c>, which sets <c>EBPFLB_SOAK=1</c>). The specs are the same, and only this class knows which it is.
/// </summary>
static class SuiteSize
{
    public static bool IsSoak { get; } = Environment.GetEnvironmentVariable("EBPFLB_SOAK") == "1";

    /// <summary>Random packets that the datapath and its model are compared on, over all hooks.</summary>
    public static int ModelPackets { get; } = RandomPackets ?? Choose(120_000, soak: 10_000_000);

    /// <summary>Mutated frames that the datapath has to carry right or not at all, over all hooks and families.</summary>
    public static int HostileFrames { get; } = RandomPackets ?? Choose(400_000, soak: 10_000_000);

    /// <summary>Flows in a table that is listed or collected. A million takes a gigabyte.</summary>
    public static uint TableFlows { get; } = Choose(20_000u, soak: 1_000_000u);

    /// <summary>How often a balancer dies under load and is started again.</summary>
    public static int Deaths { get; } = Choose(3, soak: 10);

    /// <summary>Megabytes of a download that goes on over all these deaths.</summary>
    public static int DownloadOverDeaths { get; } = Choose(150, soak: 1024);

    /// <summary>Megabytes of a download that goes on while its balancer changes.</summary>
    public static int DownloadOverFailover { get; } = Choose(200, soak: 1024);

    /// <summary>Megabytes of a transfer that is to arrive whole.</summary>
    public static int LargeTransfer { get; } = Choose(50, soak: 1024);

    /// <summary>Packets of a flood: more than any table has room for.</summary>
    public static int Flood { get; } = Choose(60_000, soak: 200_000);

    /// <summary>Packets of each kind in a flood of all kinds.</summary>
    public static int FloodOfEachKind { get; } = Choose(6_000, soak: 20_000);

    /// <summary>Megabytes of a download, the first half of which goes on during a flood.</summary>
    public static int DownloadOverFlood { get; } = Choose(20, soak: 1024);

    /// <summary>Seconds that a flood lasts on two cores, and that the first half of this download takes.</summary>
    public static int FloodSeconds { get; } = Choose(1, soak: 10);

    /// <summary>Changes of a service's backends after which nothing more is held than before.</summary>
    public static int BackendChanges { get; } = Choose(200, soak: 1000);

    /// <summary>How long a container engine is not to be heard.</summary>
    public static TimeSpan EngineSilence { get; } = TimeSpan.FromSeconds(Choose(2, soak: 10));

    /// <summary>What <c>make fuzz PACKETS=N</c> asks for (<c>EBPFLB_PACKETS</c>); null for the usual number.</summary>
    static int? RandomPackets => Environment.GetEnvironmentVariable("EBPFLB_PACKETS") is { Length: > 0 } number
        ? int.Parse(number, CultureInfo.InvariantCulture)
        : null;

    static T Choose<T>(T test, T soak) => IsSoak ? soak : test;
}
