using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>
/// The ports that an instance added to <c>ip_local_reserved_ports</c>. They are on record in its tables, so that whoever
/// removes a killed process's instance can release them.
/// </summary>
sealed class ReservedPorts : IDisposable
{
    const string Map = "reserved_ports";
    const int BitsInWord = 64;

    readonly BpfMap<uint, ulong> _record;

    ReservedPorts(BpfMap<uint, ulong> record) => _record = record;

    /// <summary>Reserves ports, and records those that were not reserved before.</summary>
    /// <returns>Null, or why this process may not.</returns>
    public static string? Reserve(LbTables tables, PortRange ports)
    {
        var added = PortReservation.Reserve(ports, out var refusal);
        Add(tables.ReservedPorts, added);
        return refusal;
    }

    /// <summary>Opens an instance's record, which outlives its pins until disposal. Null if there is none.</summary>
    public static ReservedPorts? TryOpen(string instance)
    {
        var pin = Path.Combine(Instance.Directory(instance), Map);
        try
        {
            return new(new(Fd.OpenPin(pin), Map));
        }
        catch (NativeException error) when (error.Number == Errno.ENOENT)
        {
            return null; // of a version without it, or being removed
        }
    }

    /// <summary>
    /// Releases the ports, or leaves that to another instance in this network namespace: that one needs them too. Call it
    /// after the own pins are gone, so that of several instances that end at once one finds no other.
    /// </summary>
    /// <exception cref="LoadBalancerException">This process may not.</exception>
    public void Release()
    {
        var ports = Read();
        if (ports.Count == 0)
            return;
        foreach (var other in Instance.All())
        {
            using var heir = TryOpen(other);
            if (heir is null)
                continue;
            Add(heir._record, ports);
            return;
        }
        if (PortReservation.Release(ports) is { } refusal)
            throw new LoadBalancerException(
                $"releasing ports {ports[0]} to {ports[^1]} in net.ipv4.ip_local_reserved_ports failed: {refusal.TrimEnd('.')}. "
                + "Local sockets do not get them until you remove them there.");
    }

    public void Dispose() => _record.Dispose();

    List<int> Read() =>
    [
        .. from port in Enumerable.Range(0, ushort.MaxValue + 1).Chunk(BitsInWord)
           let bits = _record.TryGet((uint)(port[0] / BitsInWord), out var word) ? word : 0
           where bits != 0
           from one in port
           where (bits & Bit(one)) != 0
           select one,
    ];

    static void Add(BpfMap<uint, ulong> record, IReadOnlyList<int> ports)
    {
        foreach (var word in ports.GroupBy(port => (uint)(port / BitsInWord)))
        {
            record.TryGet(word.Key, out var held);
            record.Set(word.Key, word.Aggregate(held, (bits, port) => bits | Bit(port)));
        }
    }

    static ulong Bit(int port) => 1ul << (port % BitsInWord);
}
