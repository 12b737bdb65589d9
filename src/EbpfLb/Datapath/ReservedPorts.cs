using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>
/// The ports that an instance added to <c>ip_local_reserved_ports</c>. They are on record in its tables, so that the process
/// that removes a killed process's instance can release them.
/// </summary>
/// <remarks>
/// The record never has less than the sysctl: ports are recorded before they are reserved, and released before the
/// record goes. <see cref="BpfFs.Lock"/> keeps instances that start or end at once from each other's records.
/// </remarks>
static class ReservedPorts
{
    const string Map = "reserved_ports";
    const int BitsInWord = 64;

    /// <summary>Reserves ports, and records those that were not reserved before.</summary>
    /// <returns>Null, or why this process may not.</returns>
    public static string? Reserve(LbTables tables, PortRange ports)
    {
        using var alone = BpfFs.Lock();
        int[] added = [];
        var refusal = PortReservation.Reserve(ports, missing =>
        {
            added = [.. missing.Except(Read(tables.ReservedPorts))];
            Add(tables.ReservedPorts, added);
        });
        if (refusal is not null)
            Remove(tables.ReservedPorts, added);
        return refusal;
    }

    /// <summary>
    /// Releases an instance's ports, or leaves that to another instance in this network namespace: that one needs them
    /// too. The caller holds <see cref="BpfFs.Lock"/> until it has removed the instance's pins.
    /// </summary>
    /// <exception cref="PortsStayReservedException">This process may not.</exception>
    public static void Release(string instance)
    {
        using var record = TryOpen(instance);
        var ports = record is null ? [] : Read(record);
        if (ports.Count == 0)
            return;
        foreach (var other in Instance.All().Where(other => other != instance))
        {
            using var next = TryOpen(other);
            if (next is null)
                continue;
            Add(next, ports);
            return;
        }
        if (PortReservation.Release(ports) is { } refusal)
            throw new PortsStayReservedException(ports[0], ports[^1], refusal);
    }

    /// <summary>Null for an instance of a version without the record, or one that is being pinned.</summary>
    static BpfMap<uint, ulong>? TryOpen(string instance) =>
        Fd.TryOpenPin(Path.Combine(Instance.Directory(instance), Map)) is { } pin ? new(pin, Map) : null;

    static List<int> Read(BpfMap<uint, ulong> record) =>
    [
        .. from port in Enumerable.Range(0, ushort.MaxValue + 1).Chunk(BitsInWord)
           let bits = record.TryGet((uint)(port[0] / BitsInWord), out var word) ? word : 0
           where bits != 0
           from one in port
           where (bits & Bit(one)) != 0
           select one,
    ];

    static void Add(BpfMap<uint, ulong> record, IReadOnlyList<int> ports) =>
        Update(record, ports, (held, bits) => held | bits);

    static void Remove(BpfMap<uint, ulong> record, IReadOnlyList<int> ports) =>
        Update(record, ports, (held, bits) => held & ~bits);

    static void Update(BpfMap<uint, ulong> record, IReadOnlyList<int> ports, Func<ulong, ulong, ulong> change)
    {
        foreach (var word in ports.GroupBy(port => (uint)(port / BitsInWord)))
        {
            record.TryGet(word.Key, out var held);
            record.Set(word.Key, change(held, word.Aggregate(0ul, (bits, port) => bits | Bit(port))));
        }
    }

    static ulong Bit(int port) => 1ul << (port % BitsInWord);
}

/// <summary>An instance is removed, and this process may not release the ports that it reserved.</summary>
sealed class PortsStayReservedException(int first, int last, string refusal) : LoadBalancerException(
    $"releasing ports {first} to {last} in net.ipv4.ip_local_reserved_ports failed: {refusal.TrimEnd('.')}. "
    + "Local sockets do not get them until you remove them there.");
