using EbpfLb.Bench.Packets;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Bench.Report.Bars;

/// <summary>What a packet may cost, in nanoseconds beyond a program that does nothing, and how that may grow.</summary>
static class PacketBars
{
    const string Part = "packets";

    static readonly (string Subject, double Nanoseconds)[] Limits =
    [
        (Names.Existing, 50), (Names.OneOfAFew, 110), (Names.NotOurs, 25), (Names.New, 300), (Names.Evicting, 700),
    ];

    public static IReadOnlyList<Bar> All { get; } =
    [
        .. from hook in Enum.GetValues<Hook>()
           from hosts in Hosts.OfEachFamily
           from bar in CreateBars(Names.Where(hook, hosts))
           select bar,
    ];

    static IEnumerable<Bar> CreateBars(string where) =>
    [
        .. Limits.Select(limit => Bar.AtMost(limit.Nanoseconds, Names.Cost(where), limit.Subject, Part)),
        Bar.AtMostOfAny(2.5, Names.ByFlows(where), Names.Flows(Names.Many), [Names.Flows(Names.AFew)], Part),
        .. Names.Sizes[1..].Select(size => Bar.AtMostOfAny(1.1, Names.BySize(where),
            Names.Size(size.Services, size.Backends), [Names.Size(Names.Sizes[0].Services, Names.Sizes[0].Backends)], Part)),
    ];
}
