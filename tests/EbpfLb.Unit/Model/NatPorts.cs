using System.Net;
using EbpfLb.Abi;

namespace EbpfLb.Unit.Model;

/// <summary>Which source ports flows to a backend may leave with, and which of them flows already have.</summary>
sealed class NatPorts(LbSettings settings, IReadOnlyDictionary<Ends, Half> halves)
{
    /// <summary>
    /// The port that a new flow may leave with: the client's own where it is free; any free one; that of a flow that
    /// has ended, which is then <paramref name="replaced"/>. Null where live flows have them all.
    /// </summary>
    /// <param name="ends">The client's packet's.</param>
    /// <param name="backend">Where the flow leads.</param>
    /// <param name="left">With which port the program sent the packet on; null where it did not.</param>
    /// <param name="replaced">The flow that has to go for it.</param>
    public int? Choose(Ends ends, IPEndPoint backend, int? left, out Flow? replaced)
    {
        replaced = null;
        if (AreTaken(ends, backend))
            return null;
        if (IsFree(ends.Source.Port, ends, backend))
            return ends.Source.Port;
        var port = left ?? All(ends, backend)
            .Where(port => HolderOf(port, ends, backend) is not { Flow.Ended: false })
            .MinBy(port => HolderOf(port, ends, backend) is null ? 0 : 1);
        if (IsFree(port, ends, backend))
            return port;
        if (All(ends, backend).Any(port => IsFree(port, ends, backend)))
            throw new Disagreement($"NAT port {port} was taken, although others are free");
        if (HolderOf(port, ends, backend) is not { Flow.Ended: true } holder)
            throw new Disagreement($"NAT port {port} was taken, which a live flow has");
        replaced = holder.Flow;
        return port;
    }

    /// <summary>Live flows to that backend have them all.</summary>
    public bool AreTaken(Ends ends, IPEndPoint backend) =>
        All(ends, backend).All(port => HolderOf(port, ends, backend) is { Flow.Ended: false });

    /// <summary>The local stack hands it out by itself.</summary>
    public bool IsLocal(int port) => port >= settings.LocalPortMin && port <= settings.LocalPortMax;

    IEnumerable<int> All(Ends ends, IPEndPoint backend) => Enumerable
        .Range(settings.NatPortMin, settings.NatPortMax - settings.NatPortMin + 1)
        .Where(port => IsNat(port, ends, backend));

    bool IsFree(int port, Ends ends, IPEndPoint backend) =>
        IsNat(port, ends, backend) && HolderOf(port, ends, backend) is null;

    /// <summary>Whatever direction it is: a backend may be a client too.</summary>
    Half? HolderOf(int port, Ends ends, IPEndPoint backend) =>
        halves.GetValueOrDefault(new(ends.Protocol, backend, new(World.SourceTo(backend.Address, ends), port)));

    /// <summary>Where the backend is the client, its answers must not look like what it asked.</summary>
    bool IsNat(int port, Ends ends, IPEndPoint backend) =>
        port >= settings.NatPortMin && port <= settings.NatPortMax && !IsLocal(port)
        && !(backend.Equals(ends.Source) && port == ends.Destination.Port);
}
