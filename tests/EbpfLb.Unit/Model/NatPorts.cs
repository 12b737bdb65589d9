using System.Net;
using EbpfLb.Abi;

namespace EbpfLb.Unit.Model;

/// <summary>Which source ports flows to a backend may leave with, and which of them flows already have.</summary>
sealed class NatPorts(LbSettings settings, IReadOnlyDictionary<Ends, Half> halves)
{
    readonly Dictionary<Ends, IPAddress> _resting = [];

    /// <summary>The port of a connection that is over goes to the same client before others.</summary>
    public void Rest(Flow flow) => _resting[flow.Reply.Key] = flow.Forward.Key.Source.Address;

    /// <summary>
    /// The port that a new flow may leave with: the client's own where it is usable, else any usable one, else that of
    /// another client's flow that has ended, else that of a connection that is not established. Null where others
    /// have them all.
    /// </summary>
    /// <param name="ends">The client's packet's.</param>
    /// <param name="backend">Where the flow leads.</param>
    /// <param name="left">With which port the program sent the packet on; null where it did not.</param>
    /// <param name="replaced">The half that has to go for it.</param>
    public int? Choose(Ends ends, IPEndPoint backend, int? left, out Half? replaced)
    {
        replaced = null;
        if (AreTaken(ends, backend))
            return null;
        var port = IsKept(ends.Source.Port, ends, backend) && RankOf(ends.Source.Port, ends, backend) == Rank.Usable
            ? ends.Source.Port
            : left ?? All(ends, backend).MinBy(port => RankOf(port, ends, backend));
        var rank = RankOf(port, ends, backend);
        if (rank == Rank.Established || !IsKept(port, ends, backend))
            throw new Disagreement($"NAT port {port} was taken, which is not to be had");
        // Nothing is better than usable: tens of thousands of ports need no look.
        if (rank != Rank.Usable && All(ends, backend).Any(other => RankOf(other, ends, backend) < rank))
            throw new Disagreement($"NAT port {port} was taken, although there is a better one");
        replaced = HolderOf(port, ends, backend);
        return port;
    }

    /// <summary>Established flows to that backend have them all.</summary>
    public bool AreTaken(Ends ends, IPEndPoint backend) =>
        All(ends, backend).All(port => RankOf(port, ends, backend) == Rank.Established);

    /// <summary>The local stack hands it out by itself.</summary>
    public bool IsLocal(int port) => port >= settings.LocalPortMin && port <= settings.LocalPortMax;

    /// <summary>The client's own and the substitutes.</summary>
    IEnumerable<int> All(Ends ends, IPEndPoint backend) => Enumerable
        .Range(settings.SubstitutePortMin, settings.SubstitutePortMax - settings.SubstitutePortMin + 1)
        .Prepend(ends.Source.Port)
        .Where(port => IsKept(port, ends, backend));

    /// <summary>No time passes in the model that a port would rest for: but one client's need no rest after TCP.</summary>
    Rank RankOf(int port, Ends ends, IPEndPoint backend) => HolderOf(port, ends, backend) switch
    {
        null => IsResting(port, ends, backend) ? Rank.Ended : Rank.Usable,
        { Flow.Ended: true } holder => holder.Rewritten.Destination.Address.Equals(ends.Source.Address) ? Rank.Usable : Rank.Ended,
        { Key.Protocol: 6, Flow.Established: false } => Rank.HalfOpen,
        _ => Rank.Established,
    };

    /// <summary>Whatever direction it is: a backend may be a client too.</summary>
    Half? HolderOf(int port, Ends ends, IPEndPoint backend) => halves.GetValueOrDefault(KeyOf(port, ends, backend));

    bool IsResting(int port, Ends ends, IPEndPoint backend) =>
        _resting.TryGetValue(KeyOf(port, ends, backend), out var client) && !client.Equals(ends.Source.Address);

    static Ends KeyOf(int port, Ends ends, IPEndPoint backend) =>
        new(ends.Protocol, backend, new(World.SourceTo(backend.Address, ends), port));

    /// <summary>Where the backend is the client, its answers must not look like what it asked.</summary>
    bool IsKept(int port, Ends ends, IPEndPoint backend) =>
        port >= settings.NatPortMin && port <= settings.NatPortMax
        && !(backend.Equals(ends.Source) && port == ends.Destination.Port
            && World.SourceTo(backend.Address, ends).Equals(ends.Destination.Address));

    /// <summary>The best one first.</summary>
    enum Rank
    {
        Usable,
        Ended,
        HalfOpen,
        Established,
    }
}
