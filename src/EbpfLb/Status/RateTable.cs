using System.Globalization;

namespace EbpfLb.Status;

/// <summary>Writes rates for people, from two snapshots.</summary>
/// <param name="output">The output.</param>
/// <param name="colours">True to colour backend states and refusals.</param>
sealed class RateTable(TextWriter output, bool colours)
{
    const int Red = 31;
    const int Green = 32;
    const int Yellow = 33;

    static readonly (double Size, string Name)[] Units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];

    public void Write(StatusSnapshot snapshot) => snapshot.Write(output, Write);

    void Write(InstanceStatus status)
    {
        output.WriteLine(StatusTable.Heading(status));
        foreach (var service in status.Services)
            Write(service);
        output.WriteLine($"  packets/s: {FormatPackets(status, _ => true, (name, _, rate) => $"{name} {rate}")}");
        var lost = FormatPackets(status, IsRefusedOrDropped, (name, count, rate) => $"{name} {count} ({rate}/s)");
        output.WriteLine($"  refused and dropped: {lost}");
        if (status.EventsLost > 0)
            output.WriteLine($"  events lost: {status.EventsLost}");
    }

    void Write(ServiceStatus service)
    {
        var width = StatusTable.AddressWidth(service);
        output.WriteLine(StatusTable.Heading(service));
        output.WriteLine(FormatLine(
            "BACKEND", "ADDRESS".PadRight(width), $"{"STATE",-17}", "WEIGHT", "FLOWS", "NEW/S", "PACKETS/S IN", "OUT", "BYTES/S IN", "OUT"));
        foreach (var backend in service.Backends)
            output.WriteLine(FormatLine(backend.Name, backend.Address.PadRight(width), FormatState(backend), backend.Weight, backend.Flows, backend.Rates!));
        if (service.Backends.Count > 1)
            output.WriteLine(FormatLine("all", "".PadRight(width), $"{"",-17}", "", service.Flows, service.Rates!));
    }

    string FormatState(BackendStatus backend)
    {
        var state = $"{StatusTable.FormatState(backend),-17}";
        return backend.State switch
        {
            "up" => Colorize(state, Green),
            "down" => Colorize(state, Red),
            "draining" or "drained" => Colorize(state, Yellow),
            _ => state,
        };
    }

    string Colorize(string text, int colour) => colours ? $"\u001b[{colour}m{text}\u001b[0m" : text;

    string FormatPackets(InstanceStatus status, Predicate<string> which, Func<string, ulong, string, string> format)
    {
        var parts = status.Packets.Where(count => which(count.Key)).Select(count =>
        {
            var rate = status.PacketRates![count.Key];
            var text = format(count.Key, count.Value, FormatRate(rate));
            return rate > 0 && IsRefusedOrDropped(count.Key) ? Colorize(text, Red) : text;
        }).ToArray();
        return parts.Length == 0 ? "none" : string.Join(", ", parts);
    }

    static bool IsRefusedOrDropped(string reason) =>
        reason.StartsWith("refuse-", StringComparison.Ordinal) || reason.StartsWith("drop-", StringComparison.Ordinal);

    /// <summary>A rate in about four digits: 0.5, 8320.0, 12.3k, 47.1M.</summary>
    static string FormatRate(double rate)
    {
        var (size, name) = Units.FirstOrDefault(unit => rate >= 10 * unit.Size, (1, ""));
        return (rate / size).ToString("F1", CultureInfo.InvariantCulture) + name;
    }

    static string FormatLine(string name, string address, string state, object weight, object flows, TrafficRates rates) => FormatLine(
        name, address, state, weight, flows, FormatRate(rates.Opened), FormatRate(rates.ToBackendPackets), FormatRate(rates.ToClientPackets),
        FormatRate(rates.ToBackendBytes), FormatRate(rates.ToClientBytes));

    static string FormatLine(
        string name, string address, string state, object weight, object flows, string opened, string packetsIn,
        string packetsOut, string bytesIn, string bytesOut) =>
        FormattableString.Invariant($"    {name,-24} {address} {state} {weight,6} {flows,8} {opened,8} ")
        + $"{packetsIn,12} {packetsOut,8} {bytesIn,10} {bytesOut,8}";
}
