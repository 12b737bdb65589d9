using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>
/// Locks interfaces for one balancer: abstract sockets with their names. They belong to the network namespace, as
/// interfaces do, and vanish with the process. Any user can bind such a name, so each lock adds a random word to it, and
/// sockets of other users than root and this one do not count.
/// </summary>
/// <remarks>
/// A lock is bound first and then compared with the others: of two processes that lock at the same moment, one or both
/// are refused, never none.
/// </remarks>
sealed class InstanceLock : IDisposable
{
    /// <summary>Before the name of an interface that is locked for <c>decapsulate</c>; no interface's name has a colon.</summary>
    public const string DecapsulationPrefix = "decapsulate:";

    const string Prefix = "ebpf-lb/";
    const uint Root = 0;

    readonly List<Socket> _sockets = [];
    readonly string _word = $"{Guid.NewGuid():N}";

    InstanceLock()
    {
    }

    /// <summary>Locks all of them, or none.</summary>
    /// <param name="taken">The first one that another process holds.</param>
    /// <returns>Null if another process holds one.</returns>
    public static InstanceLock? TryAcquire(IEnumerable<string> interfaces, out string? taken)
    {
        var held = new InstanceLock();
        taken = interfaces.FirstOrDefault(name => !held.TryAdd(name));
        if (taken is null)
            return held;
        held.Dispose();
        return null;
    }

    /// <exception cref="LoadBalancerException">Another process holds one.</exception>
    public static InstanceLock Acquire(IEnumerable<string> interfaces) => TryAcquire(interfaces, out var taken) ?? throw Taken(taken);

    /// <summary>The interfaces in this network namespace that balancers have locked.</summary>
    public static IReadOnlySet<string> HeldInterfaces() => Locks(Prefix).Select(name => name.Split('/')[1])
        .Where(name => !name.StartsWith(DecapsulationPrefix, StringComparison.Ordinal)).ToHashSet();

    /// <summary>Locks one more.</summary>
    /// <exception cref="LoadBalancerException">Another process holds it.</exception>
    public void Add(string device)
    {
        if (!TryAdd(device))
            throw Taken(device);
    }

    static LoadBalancerException Taken(string? device) =>
        new($"another ebpf-lb is running on interface '{device}'. Stop that one first.");

    bool TryAdd(string device)
    {
        var name = $"{Prefix}{device}/{_word}";
        if (Locks($"{Prefix}{device}/").Contains(name))
            return true; // an interface may return to a former name
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _sockets.Add(socket);
        socket.Bind(new UnixDomainSocketEndPoint("\0" + name));
        if (Locks($"{Prefix}{device}/").All(other => other == name))
            return true;
        // Without this the next attempt would take the refused lock for one that is held.
        _sockets.Remove(socket);
        socket.Dispose();
        return false;
    }

    /// <summary>The names of sockets that count as locks: interface and word.</summary>
    static IEnumerable<string> Locks(string prefix) =>
        from socket in UnixSockets.WithPrefix(prefix)
        where (socket.Owner == Root || socket.Owner == LibC.geteuid()) && socket.Name.Split('/').Length == 3
        select socket.Name;

    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());
}
