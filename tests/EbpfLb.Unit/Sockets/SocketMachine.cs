using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Flows;
using EbpfLb.Native;
using EbpfLb.Reconcile;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Sockets;

/// <summary>
/// A machine with a balancer on it, a cgroup whose clients it balances, and two backends that listen at addresses of the
/// loopback device, on one port for TCP and several for UDP. Everything runs inside, on one thread.
/// </summary>
sealed partial class SocketMachine : IDisposable
{
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    static readonly string[] BackendAddresses = ["10.9.0.11", "10.9.0.12", "fd09::11", "fd09::12"];

    readonly Dictionary<string, Socket> _listeners = [];
    readonly List<(string Backend, Socket Socket)> _datagramSockets = [];

    SocketMachine(Machine machine) => Machine = machine;

    public static readonly IPEndPoint Service4 = IPEndPoint.Parse("10.9.0.1:80");
    public static readonly IPEndPoint Service6 = IPEndPoint.Parse("[fd09::1]:80");

    /// <summary>Each is a service's, dns-PORT.</summary>
    public static readonly ushort[] DatagramPorts = [53, 54, 55, 56, 57, 58];

    public Machine Machine { get; }

    public TestCgroup Cgroup { get; } = TestCgroup.Create();

    public LoadBalancerConfiguration Configuration => Machine.Defaults with { Sockets = [Cgroup.Path] };

    public static IPEndPoint ServiceOf(AddressFamily family) => family == AddressFamily.InterNetwork ? Service4 : Service6;

    /// <summary>The backends' addresses of a family.</summary>
    public static string[] BackendsOf(AddressFamily family) =>
        [.. BackendAddresses.Where(address => IPAddress.Parse(address).AddressFamily == family)];

    /// <summary>Runs a test on a new machine.</summary>
    public static void Run(Action<SocketMachine> test)
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Configure(
            [.. BackendAddresses.Append(Service6.Address.ToString()).Select(
                address => $"address add {address}{(address.Contains(':') ? "/128 nodad" : "/32")} dev lo")]);
        machine.Inside(() =>
        {
            using var sockets = new SocketMachine(machine);
            foreach (var address in BackendAddresses)
            {
                sockets._listeners[address] = Listen(address);
                foreach (var port in DatagramPorts)
                    sockets._datagramSockets.Add((address, ListenForDatagrams(address, port)));
            }
            test(sockets);
        });
    }

    /// <summary>Starts the balancer; to be disposed of as if its process died.</summary>
    public AttachedDatapath Start() => Start(Backends(1, 1));

    public AttachedDatapath Start(params BackendSnapshot[] backends) =>
        Machine.Start(Configuration, tables => Apply(tables, backends));

    /// <summary>Both backends of both families with these weights.</summary>
    public static BackendSnapshot[] Backends(int first, int second) =>
        [.. BackendAddresses.Select((address, i) => new BackendSnapshot(IPAddress.Parse(address), 80, i % 2 == 0 ? first : second, address))];

    public static void Apply(
        LbTables tables, IEnumerable<BackendSnapshot> backends, ForwardingMode mode = ForwardingMode.Nat,
        Algorithm algorithm = Algorithm.RoundRobin, DownPolicy onDown = DownPolicy.Keep,
        IReadOnlyDictionary<uint, int>? live = null)
    {
        new Reconciler(tables).Apply(
            [
                Service("web", new(null, 80, TransportProtocol.Tcp), backends),
                .. DatagramPorts.Select(port => Service(
                    $"dns-{port}", new(null, port, TransportProtocol.Udp), backends.Select(backend => backend with { Port = port }))),
            ],
            [Service4.Address, Service6.Address], live);

        ServiceSnapshot Service(string name, ListenEndpoint listen, IEnumerable<BackendSnapshot> servers) =>
            new(new() { Name = name, Listen = listen, Algorithm = algorithm, Mode = mode, OnDown = onDown }, [.. servers]);
    }

    /// <summary>A TCP socket of a client in the cgroup, which waits for data for some seconds.</summary>
    public Socket Open(AddressFamily family, string? inside = null) =>
        WithTimeout(Cgroup.Open(family, SocketType.Stream, ProtocolType.Tcp, inside));

    /// <summary>A UDP socket of a client in the cgroup, which waits for an answer for some seconds.</summary>
    public Socket OpenDatagram(AddressFamily family) => WithTimeout(Cgroup.Open(family, SocketType.Dgram, ProtocolType.Udp));

    /// <summary>A client's socket, connected to the service.</summary>
    public Socket Connect(AddressFamily family)
    {
        var socket = Open(family);
        Connect(socket, ServiceOf(family));
        return socket;
    }

    /// <summary>Connects by the system call itself: .NET remembers the address that it was given.</summary>
    public static void Connect(Socket socket, IPEndPoint to) => Assert.Equal(0, TryConnect(socket, to));

    /// <returns>0, or an errno.</returns>
    public static int TryConnect(Socket socket, IPEndPoint to)
    {
        var address = to.Serialize();
        return connect(socket.SafeHandle, address.Buffer.Span, address.Size) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    /// <summary>Whom the kernel says that a socket is connected to.</summary>
    public static IPEndPoint PeerOf(Socket socket) => NameOf(socket, getpeername);

    /// <summary>The address that the kernel connected a socket from.</summary>
    public static IPEndPoint LocalOf(Socket socket) => NameOf(socket, getsockname);

    /// <summary>Accepts one connection, and returns who accepted it from whom.</summary>
    public (string Backend, IPEndPoint Client) Accept()
    {
        List<Socket> ready = [.. _listeners.Values];
        Socket.Select(ready, null, null, Deadline);
        var listener = ready[0];
        using var accepted = listener.Accept();
        return (_listeners.Single(known => known.Value == listener).Key, (IPEndPoint)accepted.RemoteEndPoint!);
    }

    /// <summary>Connects so many sockets, one after another, and closes them; the backend of each one.</summary>
    public string[] BackendsOfConnections(AddressFamily family, int count)
    {
        var backends = new string[count];
        for (var i = 0; i < count; i++)
        {
            using var socket = Connect(family);
            backends[i] = Accept().Backend;
        }
        return backends;
    }

    /// <summary>Sends back the oldest datagram that a backend has got, and returns which one that is.</summary>
    public string Answer()
    {
        List<Socket> ready = [.. _datagramSockets.Select(known => known.Socket)];
        Socket.Select(ready, null, null, Deadline);
        Assert.NotEmpty(ready);
        var buffer = new byte[64];
        EndPoint from = new IPEndPoint(ready[0].AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        var length = ready[0].ReceiveFrom(buffer, ref from);
        ready[0].SendTo(buffer, length, SocketFlags.None, from);
        return _datagramSockets.Single(known => known.Socket == ready[0]).Backend;
    }

    /// <summary>Asserts that no socket counts any more: a child between its fork and its exec may hold one for a moment.</summary>
    public static void AllAreClosed(LbTables tables)
    {
        SpinWait.SpinUntil(() => LiveFlows.Count(tables).Count + LiveFlows.ReadCounters(tables).Count == 0, TimeSpan.FromSeconds(10));
        Assert.Empty(LiveFlows.Count(tables));
        Assert.Empty(LiveFlows.ReadCounters(tables));
    }

    /// <summary>The events that have happened since.</summary>
    public static List<LbEvent> ReadEvents(LbTables tables)
    {
        List<LbEvent> events = [];
        using var ring = new RingBuffer(tables.Events, sample => events.Add(MemoryMarshal.Read<LbEvent>(sample)));
        ring.Drain();
        return events;
    }

    public static Socket ListenForDatagrams(string address, ushort port)
    {
        var parsed = IPAddress.Parse(address);
        var socket = new Socket(parsed.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(parsed, port));
        return socket;
    }

    public static Socket Listen(string address)
    {
        var parsed = IPAddress.Parse(address);
        var listener = new Socket(parsed.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(parsed, 80));
        listener.Listen();
        return listener;
    }

    /// <summary>Receives a datagram by the system call itself, and returns its sender.</summary>
    public static IPEndPoint ReceiveFrom(Socket socket) => NameOf(socket, (SafeSocketHandle handle, Span<byte> address, ref int size) =>
        recvfrom(handle, new byte[64], 64, 0, address, ref size) < 0 ? -1 : 0);

    delegate int AskForName(SafeSocketHandle socket, Span<byte> address, ref int size);

    static IPEndPoint NameOf(Socket socket, AskForName ask)
    {
        var address = new SocketAddress(socket.AddressFamily);
        var size = address.Size;
        Assert.Equal(0, ask(socket.SafeHandle, address.Buffer.Span, ref size));
        var any = socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        return (IPEndPoint)new IPEndPoint(any, 0).Create(address);
    }

    public void Dispose()
    {
        foreach (var listener in _listeners.Values.Concat(_datagramSockets.Select(known => known.Socket)))
            listener.Dispose();
        Cgroup.Dispose();
    }

    static Socket WithTimeout(Socket socket)
    {
        socket.ReceiveTimeout = (int)Deadline.TotalMilliseconds;
        return socket;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int connect(SafeSocketHandle socket, Span<byte> address, int size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getpeername(SafeSocketHandle socket, Span<byte> address, ref int size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recvfrom(SafeSocketHandle socket, Span<byte> buffer, nuint length, int flags, Span<byte> address, ref int size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getsockname(SafeSocketHandle socket, Span<byte> address, ref int size);
}
