using System.Net.Sockets;

namespace EbpfLb.Datapath;

/// <summary>
/// One runner for an interface: whoever is bound to its name, or to those of all of its own. The name is an abstract socket's, which belongs to the
/// network namespace, as the interface does, and goes with the process, however that ends.
/// </summary>
sealed class InstanceLock : IDisposable
{
    const string BoundSockets = "/proc/thread-self/net/unix"; // abstract names begin with '@' there

    readonly List<Socket> _sockets = [];

    InstanceLock()
    {
    }

    /// <summary>Takes all of them, or none.</summary>
    /// <param name="interfaces">By their names.</param>
    /// <param name="taken">The first that another process holds.</param>
    /// <returns>Null where there is such a one.</returns>
    public static InstanceLock? TryAcquire(IEnumerable<string> interfaces, out string? taken)
    {
        var held = new InstanceLock();
        taken = interfaces.FirstOrDefault(name => !held.TryAdd(name));
        if (taken is null)
            return held;
        held.Dispose();
        return null;
    }

    /// <summary>Takes all of them.</summary>
    /// <param name="interfaces">By their names.</param>
    /// <exception cref="LoadBalancerException">Another process holds one.</exception>
    public static InstanceLock Acquire(IEnumerable<string> interfaces) => TryAcquire(interfaces, out var taken)
        ?? throw new LoadBalancerException($"another ebpf-lb is running on interface '{taken}'. Stop that one first.");

    /// <summary>Is it held, by whomever? Looks without touching it: a runner that starts may have it.</summary>
    public static bool IsHeld(string device) => HeldInterfaces().Contains(device);

    /// <summary>The interfaces in this network namespace that are held.</summary>
    public static IReadOnlySet<string> HeldInterfaces() => File.ReadLines(BoundSockets)
        .Select(line => line.Split(" @" + SocketName("")))
        .Where(parts => parts.Length == 2)
        .Select(parts => parts[1])
        .ToHashSet();

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
