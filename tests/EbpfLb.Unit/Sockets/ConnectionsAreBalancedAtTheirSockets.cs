using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Flows;
using EbpfLb.Native;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Sockets;

/// <summary>A client in a cgroup connects to a service, and is connected to a backend.</summary>
public sealed class ConnectionsAreBalancedAtTheirSockets
{
    const int Refused = 111; // ECONNREFUSED

    public static TheoryData<AddressFamily> Families => [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    [Theory, MemberData(nameof(Families))]
    public void Connections_alternate_between_the_backends(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        var (a, b) = (SocketMachine.BackendsOf(family)[0], SocketMachine.BackendsOf(family)[1]);

        Assert.Equal([a, b, a, b, a, b], machine.BackendsOfConnections(family, 6));
    });

    [Theory, MemberData(nameof(Families))]
    public void Weights_are_shares_of_the_connections(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start(SocketMachine.Backends(2, 1));

        var shares = machine.BackendsOfConnections(family, 9).CountBy(backend => backend).ToDictionary();

        Assert.Equal([6, 3], SocketMachine.BackendsOf(family).Select(backend => shares[backend]));
    });

    [Theory, MemberData(nameof(Families))]
    public void The_backend_sees_the_clients_own_address(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();

        using var socket = machine.Connect(family);

        Assert.Equal(SocketMachine.LocalOf(socket), machine.Accept().Client);
    });

    [Theory, MemberData(nameof(Families))]
    public void Getpeername_returns_the_services_address(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();

        using var socket = machine.Connect(family);

        Assert.Equal(SocketMachine.ServiceOf(family), SocketMachine.PeerOf(socket));
    });

    [Fact]
    public void A_socket_of_IPv6_reaches_a_service_of_IPv4() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.Open(AddressFamily.InterNetworkV6);
        socket.DualMode = true;
        var mapped = new IPEndPoint(SocketMachine.Service4.Address.MapToIPv6(), SocketMachine.Service4.Port);

        SocketMachine.Connect(socket, mapped);

        Assert.Equal("10.9.0.11", machine.Accept().Backend);
        Assert.Equal(mapped, SocketMachine.PeerOf(socket));
        Assert.Equal(SocketMachine.LocalOf(socket).Address, Assert.Single(Records(attached.Tables)).Client.Src.ToIPAddress().MapToIPv6());
    });

    [Fact]
    public void A_client_in_a_nested_cgroup_is_balanced_too() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.Open(AddressFamily.InterNetwork, inside: "worker");

        SocketMachine.Connect(socket, SocketMachine.Service4);

        Assert.Equal("10.9.0.11", machine.Accept().Backend);
    });

    [Fact]
    public void A_client_outside_the_cgroup_is_left_alone() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        Assert.Equal(Refused, SocketMachine.TryConnect(socket, SocketMachine.Service4));
        Assert.Empty(Records(attached.Tables));
    });

    [Fact]
    public void A_client_of_another_network_namespace_is_left_alone() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        var elsewhere = new NetworkNamespace();
        elsewhere.Configure("link set lo up", $"address add {SocketMachine.Service4.Address}/32 dev lo");

        elsewhere.Run(() =>
        {
            using var listener = SocketMachine.Listen(SocketMachine.Service4.Address.ToString());
            using var socket = machine.Open(AddressFamily.InterNetwork);
            SocketMachine.Connect(socket, SocketMachine.Service4);
            return Assert.IsType<Socket>(listener.Accept());
        }).Dispose();

        Assert.Empty(Records(attached.Tables));
    });

    [Fact]
    public void An_address_of_no_service_is_left_alone() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.Open(AddressFamily.InterNetwork);

        SocketMachine.Connect(socket, IPEndPoint.Parse("10.9.0.12:80"));

        Assert.Equal("10.9.0.12", machine.Accept().Backend);
        Assert.Empty(Records(attached.Tables));
    });

    [Fact]
    public void A_service_of_mode_dsr_is_left_to_the_packet_path() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        SocketMachine.Apply(attached.Tables, SocketMachine.Backends(1, 1), ForwardingMode.Dsr);
        using var socket = machine.Open(AddressFamily.InterNetwork);

        Assert.Equal(Refused, SocketMachine.TryConnect(socket, SocketMachine.Service4));
        Assert.Empty(Records(attached.Tables));
    });

    [Theory, MemberData(nameof(Families))]
    public void A_backend_that_takes_no_new_flow_gets_no_connection(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        SocketMachine.Apply(attached.Tables, SocketMachine.Backends(0, 1));

        Assert.All(machine.BackendsOfConnections(family, 4), backend => Assert.Equal(SocketMachine.BackendsOf(family)[1], backend));
    });

    [Fact]
    public void Without_a_backend_the_client_is_refused_counted_and_reported() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start(SocketMachine.Backends(0, 0));
        using var socket = machine.Open(AddressFamily.InterNetwork);

        Assert.Equal(Refused, SocketMachine.TryConnect(socket, SocketMachine.Service4));

        Assert.Equal(1ul, attached.Tables.Reasons.GetPerCpu((uint)LbReason.RefuseNoBackend).Aggregate((a, b) => a + b));
        var refused = Assert.Single(SocketMachine.ReadEvents(attached.Tables));
        Assert.Equal(
            (LbEventType.Refused, LbReason.RefuseNoBackend, SocketMachine.Service4),
            (refused.Type, refused.Reason, refused.Before.Destination));
    });

    [Theory, MemberData(nameof(Families))]
    public void An_open_socket_counts_for_its_backend_until_it_is_closed(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using (var socket = machine.Connect(family))
        {
            var record = Assert.Single(Records(attached.Tables));
            Assert.Equal(1, LiveFlows.Count(attached.Tables)[record.Backend]);
            Assert.Equal(1, ActiveFlows(attached.Tables, record.Backend));
            Assert.Equal(1ul, attached.Tables.BackendTraffic.GetPerCpu(record.Backend).Aggregate((a, b) => a + b).Flows);
            Assert.Equal((SocketMachine.LocalOf(socket), SocketMachine.ServiceOf(family)), (record.Client.Source, record.Client.Destination));
        }

        SocketMachine.AllAreClosed(attached.Tables);
        Assert.Empty(Records(attached.Tables));
    });

    /// <summary>As if another client held them, or their ends had not been reported: a cgroup that is removed has no programs.</summary>
    [Fact]
    public void A_full_table_of_sockets_blocks_no_client() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        for (var i = 0u; i < attached.Tables.Sockets.MaxEntries; i++)
            attached.Tables.Sockets.Set(new(ulong.MaxValue - i, 0), default);

        using var socket = machine.Connect(AddressFamily.InterNetwork);

        Assert.StartsWith("10.9.0.1", machine.Accept().Backend, StringComparison.Ordinal);
        Assert.Equal(SocketMachine.Service4, SocketMachine.PeerOf(socket));
    });

    [Fact]
    public void A_socket_that_connects_again_counts_once() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start(SocketMachine.Backends(1, 0));
        using var socket = machine.Open(AddressFamily.InterNetwork);
        SocketMachine.Apply(attached.Tables, [.. SocketMachine.Backends(1, 0).Select(backend => backend with { Port = 81 })]);
        Assert.Equal(Refused, SocketMachine.TryConnect(socket, SocketMachine.Service4)); // nobody listens there
        var first = Assert.Single(Records(attached.Tables)).Backend;
        SocketMachine.Apply(attached.Tables, SocketMachine.Backends(1, 0));

        SocketMachine.Connect(socket, SocketMachine.Service4);

        var second = Assert.Single(Records(attached.Tables)).Backend;
        Assert.NotEqual(first, second);
        Assert.Equal((0, 1), (ActiveFlows(attached.Tables, first), ActiveFlows(attached.Tables, second)));
    });

    [Fact]
    public void Least_connections_counts_open_sockets() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        SocketMachine.Apply(attached.Tables, SocketMachine.Backends(1, 1), algorithm: Algorithm.LeastConnections);
        List<Socket> held = [];
        for (var i = 0; i < 8; i++)
            held.Add(machine.Connect(AddressFamily.InterNetwork));

        var shares = held.Select(_ => machine.Accept().Backend).CountBy(backend => backend).ToDictionary();
        held.ForEach(socket => socket.Dispose());

        Assert.Equal([4, 4], shares.Values);
    });

    [Theory, MemberData(nameof(Families))]
    public void Its_beginning_and_its_end_are_reported(AddressFamily family) => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        IPEndPoint client;
        using (var socket = machine.Connect(family))
            client = SocketMachine.LocalOf(socket);
        SocketMachine.AllAreClosed(attached.Tables);

        var events = SocketMachine.ReadEvents(attached.Tables);

        Assert.Equal([LbEventType.Opened, LbEventType.Closed], events.Select(happened => happened.Type));
        Assert.All(events, happened => Assert.Equal(
            (client, SocketMachine.ServiceOf(family), $"{SocketMachine.BackendsOf(family)[0]}"),
            (happened.Before.Source, happened.Before.Destination, $"{happened.After.Dst.ToIPAddress()}")));
        Assert.Equal(0ul, events[0].DurationNs);
        Assert.NotEqual(0ul, events[1].DurationNs);
    });

    [Fact]
    public void Open_sockets_are_listed_among_the_flows() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.Connect(AddressFamily.InterNetwork);
        List<FlowRow> rows = [];

        new FlowSource("eth0", attached.Tables, TimeProvider.System).ForEach(
            new FlowFilter(), flow => rows.Add(FlowRow.From(flow)), TestContext.Current.CancellationToken);

        var row = Assert.Single(rows);
        Assert.Equal(
            ("socket", "tcp", $"{SocketMachine.LocalOf(socket)}", "web", "10.9.0.1:80", "10.9.0.11:80"),
            (row.State, row.Protocol, row.Client, row.Service, row.Endpoint, row.BackendAddress));
    });

    static List<LbSocket> Records(EbpfLb.Tables.LbTables tables)
    {
        List<LbSocket> records = [];
        tables.Sockets.ForEach((in _, in record) => records.Add(record));
        return records;
    }

    static long ActiveFlows(EbpfLb.Tables.LbTables tables, uint backend) =>
        tables.ActiveFlows.TryGet(backend, out var count) ? count : 0;
}
