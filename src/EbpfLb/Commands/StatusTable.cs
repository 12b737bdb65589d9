using EbpfLb.Flows;
using EbpfLb.Status;

namespace EbpfLb.Commands;

/// <summary>Writes statuses for people: counters, or rates if they are from two snapshots.</summary>
/// <param name="width">The width of the terminal in characters; null if the output is none, and nothing is cut.</param>
/// <param name="colours">True to colour backend states and refusals.</param>
sealed class StatusTable(TextWriter output, int? width = null, bool colours = false)
{
    const int Red = 31;
    const int Green = 32;
    const int Yellow = 33;

    static readonly Column[] Totals =
    [
        new("OPENED", 10, 6, IsRight: true), new("BYTES IN", 12, 8, IsRight: true), new("BYTES OUT", 12, 9, IsRight: true),
    ];

    static readonly Column[] Rates =
    [
        new("NEW/S", 8, 5, IsRight: true), new("PACKETS/S IN", 12, 6, IsRight: true), new("OUT", 8, 6, IsRight: true),
        new("BYTES/S IN", 10, 6, IsRight: true), new("OUT", 8, 6, IsRight: true),
    ];

    static readonly Column[] ShortRates =
    [
        new("NEW/S", IsRight: true), new("PKT/S IN", IsRight: true), new("OUT", 6, IsRight: true),
        new("B/S IN", 6, IsRight: true), new("OUT", 6, IsRight: true),
    ];

    bool _hasCut;
    readonly SortedSet<string> _leftOut = [];

    /// <summary>
    /// Writes each instance and decapsulator, or that this network namespace has none. Errors explain instances that could not be
    /// read.
    /// </summary>
    public void Write(StatusSnapshot snapshot)
    {
        if (snapshot.IsEmpty)
            output.WriteLine(string.Join('\n', TextTable.Lines(StatusSnapshot.NothingAttached, width)));
        foreach (var instance in snapshot.Instances)
            Write(instance);
        foreach (var (device, packets) in snapshot.Decapsulators)
            output.WriteLine(TextTable.Wrap(width, $"{device}: decapsulates, ", packets.Select(count => new Cell($"{count.What} {count.Packets}"))));
    }

    public void Write(InstanceStatus status)
    {
        WriteHeading(status);
        foreach (var service in status.Services)
            Write(service);
        WritePackets(status);
        foreach (var (table, entries) in status.EntriesEvicted)
            output.WriteLine($"  flow entries evicted, {table}: {entries}");
        foreach (var (table, ports) in status.PortsTakenOver)
            output.WriteLine($"  NAT ports taken over, {table}: {ports}");
        if (status.RestsCutShort > 0)
            output.WriteLine($"  NAT ports whose rest was cut short: {status.RestsCutShort}");
        if (status.EventsLost > 0)
            output.WriteLine($"  events lost: {status.EventsLost}");
        TextTable.WriteMore(output, width, "  ", _leftOut, _hasCut ? "names in full" : null);
    }

    void WriteHeading(InstanceStatus status)
    {
        var interfaces = status.Interfaces.Concat(status.Lost.Select(name => $"{name} (gone)"));
        Cell[] phrases =
        [
            $"{string.Join(", ", interfaces)}: hook {status.Hook}{(width is null || status.PacketRates is null ? $" ({status.Why})" : "")}",
            !status.Running ? "no runner: packets are balanced, without health checks or updates"
                : status.WithdrawSeconds is { } left ? $"withdrawing, ends in {left} s" : "running",
            $"{LiveFlows.Describe(status.Flows)} of {status.RoomForFlows}",
            .. status.Cgroups.Count == 0 ? [] : new Cell[] { $"{status.Sockets} of them sockets of {string.Join(", ", status.Cgroups)}" },
            .. status.PacketRates is null ? [$"tables version {status.TablesVersion}"] : new Cell[]
            {
                $"packets/s {Quantity.Short(status.Services.Sum(service => service.Rates!.ToBackendPackets))} in "
                + $"and {Quantity.Short(status.Services.Sum(service => service.Rates!.ToClientPackets))} out",
            },
        ];
        output.WriteLine(TextTable.Wrap(width, "", phrases));
    }

    void WritePackets(InstanceStatus status)
    {
        if (status.PacketRates is not { } rates)
        {
            output.WriteLine(TextTable.Wrap(width, "  packets: ", status.Packets.Select(count => new Cell($"{count.Key} {count.Value}"))));
            return;
        }
        WriteReasons("packets/s", status.Packets.Keys, reason => $"{reason} {Quantity.Short(rates[reason])}");
        WriteReasons("refused and dropped", status.Packets.Keys.Where(IsRefusedOrDropped),
            reason => $"{reason} {status.Packets[reason]} ({Quantity.Short(rates[reason])}/s)");

        void WriteReasons(string what, IEnumerable<string> reasons, Func<string, string> format)
        {
            Cell[] phrases = [.. reasons.Select(reason => Paint(format(reason), IsRefusedOrDropped(reason) && rates[reason] > 0 ? Red : 0))];
            output.WriteLine(TextTable.Wrap(width, $"  {what}: ", phrases is [] ? ["none"] : phrases));
        }
    }

    void Write(ServiceStatus service)
    {
        output.WriteLine(TextTable.Wrap(width, "  ", service.Listen.Count == 0
            ? [$"{service.Name}, removed", LiveFlows.Describe(service.Flows)]
            : [$"{service.Name} on {service.Listen[0]}", .. service.Listen.Skip(1).Select(listen => new Cell(listen)),
                $"mode {service.Mode}", .. DescribeNatSource(service), LiveFlows.Describe(service.Flows)]));
        List<Cell[]> rows = [.. service.Backends.Select(backend =>
            (Cell[])[.. Named(backend.Name, backend.Address), State(backend), $"{backend.Weight}", $"{backend.Flows}", .. Traffic(backend.Traffic, backend.Rates)])];
        if (service is { Rates: { } rates, Backends.Count: > 1 })
            rows.Add([.. Named("all", ""), "", "", $"{service.Flows}", .. Traffic(service.Traffic, rates)]);
        Column[] columns =
        [
            .. width is null ? [new Column("BACKEND", 24), new Column("ADDRESS", 22)] : new Column[] { new("BACKEND", Min: 20) },
            new("STATE", width is null ? 17 : 0), new("WEIGHT", IsRight: true, Rank: 1), new("FLOWS", width is null ? 8 : 0, IsRight: true),
            .. service.Rates is null ? Totals : width is null ? Rates : ShortRates,
        ];
        var table = new TextTable(width, columns, rows);
        output.WriteLine(table.Header);
        rows.ForEach(row => output.WriteLine(table.Row(row)));
        _hasCut |= table.HasCut;
        _leftOut.UnionWith(table.LeftOut);
    }

    static Cell[] DescribeNatSource(ServiceStatus service) =>
        service.NatSource.Count == 0 ? [] : [$"nat-source {string.Join(", ", service.NatSource)}"];

    /// <summary>One cell on a terminal.</summary>
    Cell[] Named(string name, string address) => width is null ? [name, address]
        : [address.Length == 0 ? name : TextTable.NameOnce(name, address)];

    Cell State(BackendStatus backend) => Paint(
        backend.DrainSeconds is { } seconds ? $"{backend.State} {seconds}s" : backend.State,
        backend.State switch { "up" => Green, "down" => Red, "draining" or "drained" => Yellow, _ => 0 });

    IEnumerable<Cell> Traffic(TrafficStatus traffic, TrafficRates? rates) => rates is { } known
        ?
        [
            Quantity.Short(known.Opened), Quantity.Short(known.ToBackendPackets), Quantity.Short(known.ToClientPackets),
            Quantity.Short(known.ToBackendBytes), Quantity.Short(known.ToClientBytes),
        ]
        : new[] { traffic.Opened, traffic.ToBackendBytes, traffic.ToClientBytes }
            .Select(count => (Cell)(width is null ? $"{count}" : Quantity.Short(count)));

    Cell Paint(string text, int colour) => new(text, colours ? colour : 0);

    static bool IsRefusedOrDropped(string reason) =>
        reason.StartsWith("refuse-", StringComparison.Ordinal) || reason.StartsWith("drop-", StringComparison.Ordinal);
}
