using EbpfLb.Bench.Packets;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Bench.Report.Bars;

/// <summary>
/// What a packet may cost, in nanoseconds beyond a program that does nothing, on the dearest of both hooks and both IP
/// versions.
/// </summary>
static class PacketBars
{
    static readonly string[] Places =
        [.. from hook in Enum.GetValues<Hook>() from hosts in Hosts.OfEachFamily select Names.Where(hook, hosts)];

    static readonly (string Subject, double Nat, double Dsr)[] Limits =
    [
        (Names.Existing, 55, 45), (Names.OneOfAFew, 95, 95), (Names.New, 750, 500), (Names.Evicting, 850, 600), (Names.LastOfHandshake, 600, 450),
    ];

    static readonly string[] OfOthers = [Names.NotOurs, Names.NotOurAddress];

    public static IReadOnlyList<Bar> All { get; } =
    [
        .. Limits.Select(limit => Cost($"A packet {limit.Subject}", limit.Nat, Names.Cost, limit.Subject)),
        .. Limits.Select(limit => Cost($"A packet {limit.Subject}, in mode dsr", limit.Dsr, Names.InModeDsr, limit.Subject)),
        .. OfOthers.Select(subject => Cost($"A packet that is {subject}", 20, Names.Cost, subject)),
        .. Names.Sizes[1..].Select(size => Growth(1.1, Names.Size(size.Services, size.Backends))),
    ];

    static Bar Cost(string promise, double limit, Func<string, string> measureOf, string subject) => new(
        Parts.Packets, $"{promise}, ns", limit, IsFloor: false,
        result => WorstOf(place => result.Find(measureOf(place), subject) is { } found ? Figures.Median(found.Rounds) : null));

    static Bar Growth(double limit, string size)
    {
        var least = Names.Size(Names.Sizes[0].Services, Names.Sizes[0].Backends);
        return new(Parts.Packets, $"A packet of an existing flow with {size}, to {least}", limit, IsFloor: false,
            result => WorstOf(place => Bar.Ratio(result, Names.BySize(place), size, least)));
    }

    /// <summary>Null unless it was measured on each hook and IP version.</summary>
    static double? WorstOf(Func<string, double?> measure)
    {
        double?[] measured = [.. Places.Select(measure)];
        return measured.Contains(null) ? null : measured.Max();
    }
}
