using System.Net.Sockets;

namespace EbpfLb.Datapath;

/// <summary>
/// Locks interfaces for one balancer: abstract sockets with their names. They belong to the network namespace, as
/// interfaces do, and vanish with the process.
/// </summary>
sealed class InstanceLock : IDisposable
{
    const string BoundSockets = "/proc/thread-self/net/unix"; // it lists abstract names with a leading '@'

    readonly List<Socket> _sockets = [];

    InstanceLock()
    {
    }

    /// <summary>Locks all of them, or none.</summary>
    /// <param name="interfaces">The names.</param>
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

    /// <summary>Locks all of them.</summary>
    /// <param name="interfaces">The names.</param>
    /// <exception cref="LoadBalancerException">Another process holds one.</exception>
    public static InstanceLock Acquire(IEnumerable<string> interfaces) => TryAcquire(interfaces, out var taken)
        ?? throw Taken(taken);

    /// <summary>True if a process holds it. Does not try to lock: a starting balancer may need it now.</summary>
    public static bool IsHeld(string device) => HeldInterfaces().Contains(device);

    /// <summary>The locked interfaces in this network namespace.</summary>
    public static IReadOnlySet<string> HeldInterfaces() => File.ReadLines(BoundSockets)
        .Select(line => line.Split(" @" + SocketName("")))
        .Where(parts => parts.Length == 2)
        .Select(parts => parts[1])
        .ToHashSet();

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
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _sockets.Add(socket);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint("\0" + SocketName(device)));
            return true;
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }

    static string SocketName(string device) => $"ebpf-lb/{device}";

    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());
}
