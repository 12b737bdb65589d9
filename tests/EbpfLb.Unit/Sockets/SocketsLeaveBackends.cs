using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Flows;
using EbpfLb.Reconcile;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Sockets;

/// <summary>Sockets that are connected to a backend which is down, or has drained, are ended: no packet of theirs is seen.</summary>
public sealed class SocketsLeaveBackends
{
    readonly List<FlowEnd> _ended = [];
    string? _error;

    static readonly IPEndPoint ServiceOfNames = new(SocketMachine.Service4.Address, 53);

    public static TheoryData<AddressFamily> Families => [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    [Theory, MemberData(nameof(Families))]
    public void A_connection_to_a_backend_that_is_down_goes_on_by_default(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.Connect(family);

        Pass(attached.Tables, FirstIsDown(), DownPolicy.Keep);

        Assert.Equal(4, socket.Send("ping"u8));
        Assert.Empty(_ended);
    });

    [Theory, MemberData(nameof(Families))]
    public void A_connection_to_a_backend_that_is_down_is_aborted_with_reset(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.Connect(family);
        using var staying = machine.Connect(family);

        Pass(attached.Tables, FirstIsDown(), DownPolicy.Reset);

        Assert.Equal(SocketError.ConnectionAborted, Assert.Throws<SocketException>(() => socket.Receive(new byte[1])).SocketErrorCode);
        Assert.Equal([FlowEnd.BackendDown], _ended);
        Assert.Equal(4, staying.Send("ping"u8));
        Assert.Equal(SocketMachine.ServiceOf(family), SocketMachine.PeerOf(staying));
    });

    [Fact]
    public void A_connection_of_IPv6_to_a_service_of_IPv4_is_aborted_too() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.Open(AddressFamily.InterNetworkV6);
        socket.DualMode = true;
        SocketMachine.Connect(socket, new(SocketMachine.Service4.Address.MapToIPv6(), SocketMachine.Service4.Port));

        Pass(attached.Tables, FirstIsDown(), DownPolicy.Reset);

        Assert.Equal(SocketError.ConnectionAborted, Assert.Throws<SocketException>(() => socket.Receive(new byte[1])).SocketErrorCode);
    });

    [Fact]
    public void An_aborted_connection_counts_no_more_and_its_close_is_not_reported_again() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        var socket = machine.Connect(AddressFamily.InterNetwork);

        var live = Pass(attached.Tables, FirstIsDown(), DownPolicy.Reset);
        socket.Dispose();

        Assert.Empty(live);
        Assert.Equal([LbEventType.Opened], SocketMachine.ReadEvents(attached.Tables).Select(happened => happened.Type));
        SocketMachine.Apply(attached.Tables, FirstIsDown(), live: live);
        SocketMachine.AllAreClosed(attached.Tables);
    });

    [Fact]
    public void A_connection_past_the_balancer_to_the_same_backend_is_left_alone() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var balanced = machine.Connect(AddressFamily.InterNetwork);
        using var direct = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        direct.Connect("10.9.0.11", 80);

        Pass(attached.Tables, FirstIsDown(), DownPolicy.Reset);

        Assert.Single(_ended);
        Assert.Equal(4, direct.Send("ping"u8));
    });

    [Fact]
    public void A_connection_to_a_removed_backend_ends_when_its_drain_time_is_over() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.Connect(AddressFamily.InterNetwork);
        var left = SocketMachine.Backends(1, 1).Where((_, i) => i % 2 == 1).ToArray();

        Pass(attached.Tables, left, DownPolicy.Keep);
        Assert.Equal(4, socket.Send("ping"u8));
        Pass(attached.Tables, left, DownPolicy.Keep, new Later(new ServiceConfiguration().Drain));

        Assert.Equal(SocketError.ConnectionAborted, Assert.Throws<SocketException>(() => socket.Receive(new byte[1])).SocketErrorCode);
        Assert.Equal([FlowEnd.Drained], _ended);
    });

    [Theory, MemberData(nameof(Families))]
    public void A_connected_UDP_socket_learns_that_its_backend_is_down_and_connects_to_another(AddressFamily family) =>
        SocketMachine.Run(machine =>
        {
            using var attached = machine.Start();
            using var socket = ConnectDatagram(machine, family);
            Assert.Equal(SocketMachine.BackendsOf(family)[0], machine.Answer());
            socket.Receive(new byte[8]);

            Pass(attached.Tables, FirstIsDown(), DownPolicy.Keep);

            Assert.Equal([FlowEnd.BackendDown], _ended);
            Assert.Equal(SocketError.ConnectionAborted, Assert.Throws<SocketException>(() => socket.Receive(new byte[8])).SocketErrorCode);
            Assert.Equal(SocketError.DestinationAddressRequired, Assert.Throws<SocketException>(() => socket.Send("who"u8)).SocketErrorCode);
            SocketMachine.Connect(socket, new(SocketMachine.ServiceOf(family).Address, 53));
            socket.Send("who"u8);
            Assert.Equal(SocketMachine.BackendsOf(family)[1], machine.Answer());
        });

    [Fact]
    public void A_connected_UDP_socket_stays_if_no_other_backend_takes_it() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = ConnectDatagram(machine, AddressFamily.InterNetwork);
        machine.Answer();

        Pass(attached.Tables, [.. FirstIsDown().Where((_, i) => i % 2 == 0)], DownPolicy.Keep);

        Assert.Empty(_ended);
        socket.Send("who"u8);
        Assert.Equal("10.9.0.11", machine.Answer());
    });

    [Fact]
    public void A_UDP_socket_that_does_not_connect_is_not_disturbed() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.OpenDatagram(AddressFamily.InterNetwork);
        socket.SendTo("who"u8, ServiceOfNames);
        machine.Answer();

        Pass(attached.Tables, FirstIsDown(), DownPolicy.Reset);

        Assert.Empty(_ended);
        socket.SendTo("who"u8, ServiceOfNames);
        Assert.Equal("10.9.0.12", machine.Answer());
    });

    [Fact]
    public void Where_the_kernel_refuses_the_error_says_so_and_sockets_stay() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.Connect(AddressFamily.InterNetwork);

        Capabilities.Without(Capabilities.NetAdmin, () => Pass(attached.Tables, FirstIsDown(), DownPolicy.Reset));

        Assert.StartsWith("ending a socket failed: EPERM", _error, StringComparison.Ordinal);
        Assert.Empty(_ended);
        Assert.Equal(SocketMachine.Service4, SocketMachine.PeerOf(socket));
        Pass(attached.Tables, FirstIsDown(), DownPolicy.Reset);
        Assert.Null(_error);
        Assert.Single(_ended);
    });

    static Socket ConnectDatagram(SocketMachine machine, AddressFamily family)
    {
        var socket = machine.OpenDatagram(family);
        SocketMachine.Connect(socket, new(SocketMachine.ServiceOf(family).Address, 53));
        socket.Send("who"u8);
        return socket;
    }

    /// <summary>The first backend of each family.</summary>
    static BackendSnapshot[] FirstIsDown() => [.. SocketMachine.Backends(1, 1).Select((backend, i) => i % 2 == 0
        ? backend with { Health = BackendHealth.Down, IsExcluded = true }
        : backend with { Health = BackendHealth.Up })];

    /// <summary>A reconcile pass and a collection after it.</summary>
    IReadOnlyDictionary<uint, int> Pass(LbTables tables, BackendSnapshot[] backends, DownPolicy policy, TimeProvider? time = null)
    {
        SocketMachine.Apply(tables, backends, onDown: policy);
        var collector = new FlowGarbageCollector(tables, new(), time ?? TimeProvider.System, Hosts.Own);
        var live = collector.Collect((_, _, _, why) => _ended.Add(why));
        _error = collector.SocketError;
        return live;
    }

    sealed class Later(TimeSpan by) : TimeProvider
    {
        public override long GetTimestamp() => System.GetTimestamp() + (long)by.TotalNanoseconds;
    }
}
