using System.Net.Sockets;

namespace EbpfLb.Instances;

/// <summary>
/// One runner for an interface: whoever is bound to its name. The name is an abstract socket's, which belongs to the
/// network namespace, as the interface does, and goes with the process, however that ends.
/// </summary>
sealed class InstanceLock : IDisposable
{
    const string BoundSockets = "/proc/thread-self/net/unix"; // abstract names begin with '@' there

    readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    InstanceLock()
    {
    }

    /// <summary>Null while another process holds it.</summary>
    public static InstanceLock? TryTake(string instance)
    {
        var held = new InstanceLock();
        try
        {
            held._socket.Bind(new UnixDomainSocketEndPoint("\0" + Name(instance)));
            return held;
        }
        catch (SocketException fault) when (fault.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            held.Dispose();
            return null;
        }
    }

    /// <summary>Is it held, by whomever? Looks without touching it: a runner that starts may have it.</summary>
    public static bool IsHeld(string instance) =>
        File.ReadLines(BoundSockets).Any(line => line.EndsWith($" @{Name(instance)}", StringComparison.Ordinal));

    static string Name(string instance) => $"ebpf-lb/{instance}";

    public void Dispose() => _socket.Dispose();
}
