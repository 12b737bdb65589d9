using System.Net;
using System.Net.Sockets;
using System.Text;
using EbpfLb.Abi;
using EbpfLb.Flows;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Sockets;

/// <summary>A client in a cgroup sends datagrams to a service, connected to it or not, and a backend gets them.</summary>
public sealed class DatagramsAreBalancedAtTheirSockets
{
    /// <summary>How many services a socket can ask at a time without connecting.</summary>
    const int Slots = 4;

    public static TheoryData<AddressFamily> Families => [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    [Theory, MemberData(nameof(Families))]
    public void Sockets_alternate_between_the_backends(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        var (a, b) = (SocketMachine.BackendsOf(family)[0], SocketMachine.BackendsOf(family)[1]);

        string[] asked = [.. Enumerable.Range(0, 4).Select(_ => Ask(family, SendTo)), .. Enumerable.Range(0, 4).Select(_ => Ask(family, SendConnected))];

        Assert.Equal([a, b, a, b, a, b, a, b], asked);

        string Ask(AddressFamily of, Action<Socket, IPEndPoint> send)
        {
            using var socket = machine.OpenDatagram(of);
            send(socket, ServiceOf(of, 53));
            return machine.Answer();
        }
    });

    [Theory, MemberData(nameof(Families))]
    public void All_datagrams_of_a_socket_go_to_one_backend(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.OpenDatagram(family);
        List<string> backends = [];

        for (var i = 0; i < 4; i++)
        {
            SendTo(socket, ServiceOf(family, 53));
            backends.Add(machine.Answer());
        }

        Assert.All(backends, backend => Assert.Equal(SocketMachine.BackendsOf(family)[0], backend));
    });

    [Theory, MemberData(nameof(Families))]
    public void The_answer_comes_from_the_service(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.OpenDatagram(family);

        SendTo(socket, ServiceOf(family, 53));
        machine.Answer();

        Assert.Equal(ServiceOf(family, 53), SenderOf(socket));
    });

    [Theory, MemberData(nameof(Families))]
    public void Getpeername_of_a_connected_socket_returns_the_services_address(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.OpenDatagram(family);

        SendConnected(socket, ServiceOf(family, 53));
        machine.Answer();

        Assert.Equal(ServiceOf(family, 53), SenderOf(socket));
        Assert.Equal(ServiceOf(family, 53), SocketMachine.PeerOf(socket));
    });

    [Fact]
    public void A_connected_socket_that_names_the_service_sends_to_its_backend() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.OpenDatagram(AddressFamily.InterNetwork);
        SendConnected(socket, ServiceOf(AddressFamily.InterNetwork, 53));
        var connected = machine.Answer();

        SendTo(socket, ServiceOf(AddressFamily.InterNetwork, 53));

        Assert.Equal(connected, machine.Answer());
    });

    [Fact]
    public void A_socket_of_IPv6_reaches_a_service_of_IPv4() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.OpenDatagram(AddressFamily.InterNetworkV6);
        socket.DualMode = true;
        var mapped = new IPEndPoint(SocketMachine.Service4.Address.MapToIPv6(), 53);

        SendTo(socket, mapped);

        Assert.Equal("10.9.0.11", machine.Answer());
        Assert.Equal(mapped, SenderOf(socket));
    });

    [Fact]
    public void A_socket_asks_two_services_at_a_time() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.OpenDatagram(AddressFamily.InterNetwork);

        SendTo(socket, ServiceOf(AddressFamily.InterNetwork, 53));
        SendTo(socket, ServiceOf(AddressFamily.InterNetwork, 54));
        machine.Answer();
        machine.Answer();

        Assert.Equal([53, 54], new[] { SenderOf(socket), SenderOf(socket) }.Select(sender => sender.Port).Order());
    });

    [Fact]
    public void A_socket_that_asks_more_services_than_it_has_slots_still_gets_answers() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.OpenDatagram(AddressFamily.InterNetwork);

        foreach (var port in SocketMachine.DatagramPorts)
        {
            SendTo(socket, ServiceOf(AddressFamily.InterNetwork, port));
            machine.Answer();
            Assert.Equal(ServiceOf(AddressFamily.InterNetwork, port), SenderOf(socket));
        }

        Assert.Equal(Slots, LiveFlows.Count(attached.Tables).Values.Sum());
        Assert.Equal(Slots, LiveFlows.ReadCounters(attached.Tables).Values.Sum());
        socket.Dispose();
        SocketMachine.AllAreClosed(attached.Tables);
    });

    [Fact]
    public void Datagrams_leave_a_backend_that_takes_no_new_flow() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.OpenDatagram(AddressFamily.InterNetwork);
        SendTo(socket, ServiceOf(AddressFamily.InterNetwork, 53));
        Assert.Equal("10.9.0.11", machine.Answer());
        SenderOf(socket);

        SocketMachine.Apply(attached.Tables, SocketMachine.Backends(0, 1));
        SendTo(socket, ServiceOf(AddressFamily.InterNetwork, 53));

        Assert.Equal("10.9.0.12", machine.Answer());
        Assert.Equal(ServiceOf(AddressFamily.InterNetwork, 53), SenderOf(socket));
    });

    [Fact]
    public void A_client_of_another_network_namespace_is_left_alone() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        var elsewhere = new NetworkNamespace();
        elsewhere.Configure("link set lo up", $"address add {SocketMachine.Service4.Address}/32 dev lo");

        var received = elsewhere.Run(() =>
        {
            using var service = SocketMachine.ListenForDatagrams(SocketMachine.Service4.Address.ToString(), 53);
            service.ReceiveTimeout = 10_000;
            using var socket = machine.OpenDatagram(AddressFamily.InterNetwork);
            SendTo(socket, ServiceOf(AddressFamily.InterNetwork, 53));
            return service.Receive(new byte[64]);
        });

        Assert.NotEqual(0, received);
        Assert.Empty(SocketMachine.ReadEvents(attached.Tables));
    });

    [Theory, InlineData(true), InlineData(false)]
    public void An_open_socket_counts_for_its_backend_until_it_is_closed(bool connects) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using (var socket = machine.OpenDatagram(AddressFamily.InterNetwork))
        {
            (connects ? (Action<Socket, IPEndPoint>)SendConnected : SendTo)(socket, ServiceOf(AddressFamily.InterNetwork, 53));
            Assert.Equal(1, Assert.Single(LiveFlows.Count(attached.Tables)).Value);
            Assert.Equal(1, Assert.Single(LiveFlows.ReadCounters(attached.Tables)).Value);
        }

        SocketMachine.AllAreClosed(attached.Tables);
        Assert.Equal(
            [LbEventType.Opened, LbEventType.Closed], SocketMachine.ReadEvents(attached.Tables).Select(happened => happened.Type));
    });

    [Fact]
    public void A_socket_that_does_not_connect_is_reported_once_with_its_port() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.OpenDatagram(AddressFamily.InterNetwork);
        SendTo(socket, ServiceOf(AddressFamily.InterNetwork, 53));
        SendTo(socket, ServiceOf(AddressFamily.InterNetwork, 53));

        var opened = Assert.Single(SocketMachine.ReadEvents(attached.Tables));

        Assert.Equal(
            (LbEventType.Opened, new IPEndPoint(IPAddress.Any, SocketMachine.LocalOf(socket).Port), ServiceOf(AddressFamily.InterNetwork, 53)),
            (opened.Type, opened.Before.Source, opened.Before.Destination));
        Assert.Equal(1ul, attached.Tables.BackendTraffic.GetPerCpu(opened.Backend).Aggregate((a, b) => a + b).Flows);
    });

    static IPEndPoint ServiceOf(AddressFamily family, int port) => new(SocketMachine.ServiceOf(family).Address, port);

    static void SendTo(Socket socket, IPEndPoint to) => socket.SendTo(Encoding.ASCII.GetBytes("who"), to);

    static void SendConnected(Socket socket, IPEndPoint to)
    {
        SocketMachine.Connect(socket, to);
        socket.Send(Encoding.ASCII.GetBytes("who"));
    }

    /// <summary>Receives a datagram, and returns whom the kernel says that it is from.</summary>
    static IPEndPoint SenderOf(Socket socket) => SocketMachine.ReceiveFrom(socket);
}
