using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;
using static EbpfLb.Unit.Snapshots;

namespace EbpfLb.Unit.Reconcile;

public sealed class TablesFollowTheDesiredState
{
    static readonly ImmutableArray<IPAddress> Self = [Hosts.Ip4.Balancer];
    static readonly BackendSnapshot A = new(Hosts.Ip4.BackendA, 80, 1, "a");
    static readonly BackendSnapshot B = new(Hosts.Ip4.BackendB, 80, 1, "b");
    static readonly BackendSnapshot C = new(Hosts.Ip4.BackendC, 80, 1, "c");

    static readonly IPAddress SelfV6 = IPAddress.Parse("fd00:7::1");
    static readonly BackendSnapshot SixA = new(IPAddress.Parse("fd00:7::11"), 80, 1, "a");
    static readonly BackendSnapshot SixB = new(IPAddress.Parse("fd00:7::12"), 80, 1, "b");

    int _port = 20000;

    [Fact]
    public void An_entry_in_place_is_not_written_again()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);

        Assert.True(reconciler.Apply([Web(A, B)], Self) > 0);

        Assert.Equal(0, reconciler.Apply([Web(A, B)], Self));
        Assert.Equal(0, new Reconciler(lb.Tables).Apply([Web(A, B)], Self));
    }

    [Fact]
    public void A_backend_has_the_name_that_its_address_has_now()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);

        reconciler.Apply([Web(A)], Self);
        reconciler.Apply([Web(A with { Host = "another" })], Self);

        var (id, _) = Assert.Single(KernelState.Read(lb.Tables).Backends, held => !held.Value.IsFree);
        Assert.True(lb.Tables.BackendLabels.TryGet(id, out var name));
        Assert.Equal("another", $"{name}");
    }

    [Theory, InlineData(Hook.Tc), InlineData(Hook.Xdp)]
    public void New_flows_go_to_the_backends_that_are_desired_now(Hook hook)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);

        reconciler.Apply([Web(A, B)], Self);
        Assert.Equal([A.Address, B.Address], Chosen(lb, 2));

        reconciler.Apply([Web(B, C)], Self);
        Assert.Equal([B.Address, C.Address], Chosen(lb, 2));

        reconciler.Apply([Web()], Self);
        Assert.Equal([null, null], Chosen(lb, 2));
    }

    [Fact]
    public void An_algorithm_that_changes_is_followed_with_its_table()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A, B)], Self);

        var hashed = Web(A, B).With(service => service with { Algorithm = Algorithm.SourceHash });
        reconciler.Apply([hashed], Self);

        Assert.All(KernelState.Read(lb.Tables).Keys.Values, held => Assert.Equal(LbAlgorithm.SourceHash, held.Algorithm));
        Assert.Single(Chosen(lb, 20).Distinct());
        Assert.Equal(0, reconciler.Apply([hashed], Self));
    }

    [Fact]
    public void A_mode_that_changes_is_followed()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A, B)], Self);

        var direct = Web(A, B).With(service => service with { Mode = ForwardingMode.Dsr });
        reconciler.Apply([direct], Self);

        Assert.All(KernelState.Read(lb.Tables).Keys.Values, held => Assert.Equal(LbMode.Dsr, held.Mode));
        Assert.Equal(0, reconciler.Apply([direct], Self));
    }

    [Fact]
    public void An_encapsulation_that_changes_is_followed()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        var tunnelled = Web(A, B).With(service => service with { Mode = ForwardingMode.Tunnel });
        reconciler.Apply([tunnelled], Self);
        Assert.All(KernelState.Read(lb.Tables).Keys.Values, held => Assert.Equal(LbMode.TunnelGue, held.Mode));

        reconciler.Apply([tunnelled.With(service => service with { Encapsulation = Encapsulation.Ipip })], Self);

        Assert.All(KernelState.Read(lb.Tables).Keys.Values, held => Assert.Equal(LbMode.TunnelIpip, held.Mode));
    }

    /// <summary>Its backends are of the other family, and its endpoint is gone: it is not taken for that family's service.</summary>
    [Fact]
    public void A_tunnelled_family_that_the_interface_lost_is_not_taken_for_the_other()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var tunnelled = Web(A).With(service => service with { Mode = ForwardingMode.Tunnel });
        new Reconciler(lb.Tables).Apply([tunnelled], [.. Self, SelfV6]);
        var four = KernelState.Read(lb.Tables).FindService(new("web", AddressFamily.InterNetwork));

        new Reconciler(lb.Tables).Apply([tunnelled], Self);
        new Reconciler(lb.Tables).Apply([tunnelled], Self);

        var held = KernelState.Read(lb.Tables);
        Assert.Equal(four, held.FindService(new("web", AddressFamily.InterNetwork)));
        Assert.Equal(2, held.Services.Count);
        Assert.Equal(four, Assert.Single(held.Keys).Value.Id);
        new Reconciler(lb.Tables).Apply([tunnelled], Self, new Dictionary<uint, int>());
        Assert.Equal(four, Assert.Single(KernelState.Read(lb.Tables).Services).Key);
    }

    [Fact]
    public void A_weight_that_changes_changes_the_shares()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A, B)], Self);

        reconciler.Apply([Web(A with { Weight = 3 }, B)], Self);

        Assert.Equal(6, Chosen(lb, 8).Count(A.Address.Equals));
    }

    [Fact]
    public void A_backend_that_left_keeps_its_id_while_flows_lead_to_it()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A, B)], Self);
        var left = IdOf(lb, B);

        reconciler.Apply([Web(A)], Self);
        reconciler.Apply([Web(A)], Self, new Dictionary<uint, int> { [left] = 1 });
        reconciler.Apply([Web(A, C)], Self);
        Assert.Equal(left, IdOf(lb, B));
        Assert.NotEqual(left, IdOf(lb, C));

        reconciler.Apply([Web(A, C)], Self, new Dictionary<uint, int>());
        Assert.DoesNotContain(KernelState.Read(lb.Tables).Backends, held => held.Key == left);
    }

    [Fact]
    public void A_service_that_is_no_longer_desired_is_removed_with_its_endpoints()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        var other = Service("other", 81, B);

        reconciler.Apply([Web(A), other], Self);
        reconciler.Apply([other], Self);
        reconciler.Apply([other], Self, new Dictionary<uint, int>());

        Assert.Equal("other", Assert.Single(KernelState.Read(lb.Tables).Services).Value.Name);
        Assert.Single(lb.Tables.Services.Keys());
        Assert.Equal([null], Chosen(lb, 1));
    }

    [Fact]
    public void The_interfaces_own_address_is_followed()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A)], [IPAddress.Parse("192.0.2.1")]);

        reconciler.Apply([Web(A)], Self);

        Assert.Equal(Hosts.Ip4.Balancer, Assert.Single(lb.Tables.Services.Keys()).Address.ToIPAddress());
    }

    [Fact]
    public void A_service_of_both_families_is_two_of_one_name()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);

        Assert.True(reconciler.Apply([Web(SixA, A, SixB, B)], [.. Self, SelfV6]) > 0);

        var held = KernelState.Read(lb.Tables);
        var four = held.FindService(new("web", AddressFamily.InterNetwork));
        var six = held.FindService(new("web", AddressFamily.InterNetworkV6));
        Assert.Equal([$"{Hosts.Ip4.Web}/tcp"], held.KeysOf(four).Select(key => $"{key}"));
        Assert.Equal(["[fd00:7::1]:80/tcp"], held.KeysOf(six).Select(key => $"{key}"));
        Assert.Equal([A.Address, B.Address], held.BackendsOf(four).Select(one => one.Backend.EndPoint.Address));
        Assert.Equal([SixA.Address, SixB.Address], held.BackendsOf(six).Select(one => one.Backend.EndPoint.Address));
        Assert.Equal([A.Address, A.Address, B.Address, B.Address], Chosen(lb, 4));
        Assert.Equal(0, reconciler.Apply([Web(SixA, A, SixB, B)], [.. Self, SelfV6]));
    }

    [Fact]
    public void Each_family_sends_from_its_nat_source_and_a_change_of_it_is_followed()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        ImmutableArray<IPAddress> self = [.. Self, SelfV6];
        var web = Web(A, SixA);
        reconciler.Apply([web], self);
        Assert.Equal([(LbNatSource.Service, null), (LbNatSource.Service, null)], Sources());

        reconciler.Apply([web.With(service => service with { NatSource = [Source("192.0.2.11"), Source("2001:db8::11")] })], self);
        Assert.Equal([(LbNatSource.Address, "192.0.2.11"), (LbNatSource.Address, "2001:db8::11")], Sources());

        reconciler.Apply([web.With(service => service with { NatSource = [Source("192.0.2.12")] })], self);
        Assert.Equal([(LbNatSource.Address, "192.0.2.12"), (LbNatSource.Service, null)], Sources());

        reconciler.Apply([web.With(service => service with { NatSource = [Source("interface")] })], self);
        Assert.Equal([(LbNatSource.Interface, null), (LbNatSource.Interface, null)], Sources());
        Assert.Equal(0, reconciler.Apply([web.With(service => service with { NatSource = [Source("interface")] })], self));

        (LbNatSource, string?)[] Sources() =>
        [
            .. KernelState.Read(lb.Tables).Keys.OrderBy(held => $"{held.Key.Address.Family}").Select(held => (held.Value.NatSource,
                held.Value.NatAddress == default ? null : $"{held.Value.NatAddress}")),
        ];

        static SnatSource Source(string text) => SnatSource.Type.Parse(text).Value;
    }

    [Fact]
    public void A_family_without_backends_refuses_and_the_other_keeps_balancing()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A, SixA)], [.. Self, SelfV6]);

        reconciler.Apply([Web(SixA)], [.. Self, SelfV6]);
        reconciler.Apply([Web(SixA)], [.. Self, SelfV6], new Dictionary<uint, int>());

        Assert.Equal([null], Chosen(lb, 1));
        Assert.Equal(1ul, lb.Reasons()[LbReason.RefuseNoBackend]);
        Assert.Equal([SixA.Address], KernelState.Read(lb.Tables).Backends.Values.Select(backend => backend.EndPoint.Address));
    }

    [Fact]
    public void A_family_without_an_address_passes_and_the_other_keeps_balancing()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A, SixA)], [.. Self, SelfV6]);

        reconciler.Apply([Web(A, SixA)], [SelfV6]);

        Assert.Equal([null], Chosen(lb, 1));
        Assert.Equal(1ul, lb.Reasons()[LbReason.PassNoService]);
        reconciler.Apply([Web(A, SixA)], [SelfV6], new Dictionary<uint, int>());
        var left = Assert.Single(KernelState.Read(lb.Tables).Services);
        Assert.Equal(new("web", AddressFamily.InterNetworkV6), left.Value);
    }

    [Fact]
    public void An_id_is_not_given_to_another_service_while_flows_lead_to_its_backends()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        var other = Service("other", 81, B);
        reconciler.Apply([Web(A)], Self);
        var (left, leaving) = (KernelState.Read(lb.Tables).Services.Keys.Single(), IdOf(lb, A));

        reconciler.Apply([], Self);
        reconciler.Apply([], Self, new Dictionary<uint, int> { [leaving] = 1 });
        reconciler.Apply([other], Self);
        Assert.Equal("web", KernelState.Read(lb.Tables).Services[left].Name);

        reconciler.Apply([other], Self, new Dictionary<uint, int>());
        reconciler.Apply([other, Web(A)], Self);
        Assert.Equal("web", KernelState.Read(lb.Tables).Services[left].Name);
    }

    [Fact]
    public void A_service_whose_creation_was_interrupted_is_created_again()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        lb.Tables.ServiceLabels.Set(0, LbLabel.From("web"));
        lb.Tables.ServiceLabels.Set(1, LbLabel.From("web"));

        new Reconciler(lb.Tables).Apply([Web(A)], Self);

        Assert.Equal(new("web", AddressFamily.InterNetwork), Assert.Single(KernelState.Read(lb.Tables).Services).Value);
        Assert.Equal([A.Address], Chosen(lb, 1));
    }

    [Fact]
    public void Hundreds_of_services_are_written_in_one_pass()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        ImmutableArray<ServiceSnapshot> many =
        [
            .. Enumerable.Range(0, 300).Select(i => Service($"web-{i}", 80 + i, i % 2 == 0 ? A : B)),
        ];

        reconciler.Apply(many, Self);

        Assert.Equal(0, reconciler.Apply(many, Self));
        Assert.Equal(
            many.Select(service => service.Backends[0].Address),
            many.Select(service => TestFlow.From(lb.Receive(new TcpPacket(
                Hosts.Ip4.Alice.Port(_port++), new(Hosts.Ip4.Balancer, service.Listen.Port), Tcp.Syn))).Backend.Address));
    }

    [Fact]
    public void A_backend_without_room_waits_until_others_have_drained()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        var (former, next) = (Many(network: 1), Many(network: 2));
        reconciler.Apply([former], Self);

        reconciler.Apply([next], Self);
        Assert.StartsWith(
            "map backends is full (4096 entries): remove backends or raise --max-backends. Backend 'a' waits.", reconciler.Shortage,
            StringComparison.Ordinal);
        reconciler.Apply([next], Self, new Dictionary<uint, int>());
        reconciler.Apply([next], Self);

        Assert.Null(reconciler.Shortage);
        Assert.Equal(0, reconciler.Apply([next], Self));
        Assert.Equal(
            next.Backends.Select(backend => backend.Address.ToString()).Order(),
            KernelState.Read(lb.Tables).Backends.Values.Select(backend => backend.EndPoint.Address.ToString()).Order());

        static ServiceSnapshot Many(byte network) => Web(
            [.. Enumerable.Range(0, 3000).Select(i => A with { Address = new([10, network, (byte)(i / 250), (byte)(1 + (i % 250))]) })]);
    }

    [Fact]
    public void More_than_half_of_the_endpoints_may_change_at_once()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        var addresses = Enumerable.Range(1, 250).Select(i => new IPAddress([10, 8, 0, (byte)i])).ToImmutableArray();
        var (former, next) = (Listening(80), Listening(8080));
        reconciler.Apply(former, addresses);

        reconciler.Apply(next, addresses);

        Assert.Null(reconciler.Shortage);
        Assert.Equal(750, KernelState.Read(lb.Tables).Keys.Count);
        Assert.All(KernelState.Read(lb.Tables).Keys.Keys, key => Assert.InRange(key.Port.Value, 8080, 8082));

        static ImmutableArray<ServiceSnapshot> Listening(int port) =>
        [
            .. Enumerable.Range(0, 3).Select(i => Service($"web-{i}", port + i, A)),
        ];
    }

    [Fact]
    public void Endpoints_without_room_wait_and_the_others_are_applied()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        var addresses = Self.AddRange(Enumerable.Range(1, 250).Select(i => new IPAddress([10, 8, 0, (byte)i])));
        ImmutableArray<ServiceSnapshot> services =
        [
            .. Enumerable.Range(0, 5).Select(i => Service($"web-{i}", 80 + i, A)),
        ];

        reconciler.Apply(services, addresses);
        Assert.StartsWith(
            "map services is full (1024 entries): remove services or raise --max-services. Endpoint ", reconciler.Shortage,
            StringComparison.Ordinal);
        Assert.Equal(1024, KernelState.Read(lb.Tables).Keys.Count);
        Assert.Equal([A.Address], Chosen(lb, 1));
        reconciler.Apply(services, Self);

        Assert.Null(reconciler.Shortage);
        Assert.Equal(5, KernelState.Read(lb.Tables).Keys.Count);
    }

    [Fact]
    public void An_endpoint_that_passes_to_another_service_stays()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A)], Self);

        reconciler.Apply([Web(B).With(service => service with { Name = "api" })], Self);

        Assert.Equal([B.Address], Chosen(lb, 1));
    }

    [Fact]
    public void A_renamed_service_is_the_same()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A, SixA)], [.. Self, SelfV6]);
        Assert.Equal([A.Address, A.Address], Chosen(lb, 2));
        var (services, backend) = (KernelState.Read(lb.Tables).Services, IdOf(lb, A));

        reconciler.Apply([Web(A, SixA, B).With(service => service with { Name = "shop" })], [.. Self, SelfV6]);

        var held = KernelState.Read(lb.Tables);
        Assert.Equal(services.Keys, held.Services.Keys);
        Assert.All(held.Services.Values, service => Assert.Equal("shop", service.Name));
        Assert.Equal(backend, IdOf(lb, A));
        Assert.Equal(LbBackendState.Unchecked, held.Backends[backend].State);
        var four = held.FindService(new("shop", AddressFamily.InterNetwork));
        Assert.Equal(2ul, lb.Tables.ServiceTraffic.SumPerCpu(four).Flows);
        Assert.Equal([A.Address, B.Address], Chosen(lb, 2));
        Assert.Equal(0, reconciler.Apply([Web(A, SixA, B).With(service => service with { Name = "shop" })], [.. Self, SelfV6]));
    }

    [Fact]
    public void A_name_that_another_service_has_is_not_taken_over()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        var other = Service("other", 81, B);
        reconciler.Apply([Web(A), other], Self);

        // What listened on 81 now listens on 80, and a new one where it did.
        reconciler.Apply([Service("other", 80, B), Service("new", 81, C)], Self);

        Assert.Equal([B.Address], Chosen(lb, 1));
        var held = KernelState.Read(lb.Tables);
        Assert.Equal(["new 81", "other 80", "web"], held.Services.Select(
            service => string.Join(' ', [service.Value.Name, .. held.KeysOf(service.Key).Select(key => $"{key.Port}")])).Order());
    }

    /// <summary>Seen while it happens: at no moment does the endpoint lead to a service that has been emptied.</summary>
    [Fact]
    public async Task An_endpoint_that_moves_to_another_service_refuses_no_client()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        ImmutableArray<ServiceSnapshot> one = [Web(A), Lasting()], other = [Lasting().With(service => service with { Listen = Web().Listen })];
        reconciler.Apply(one, Self);
        using var enough = new CancellationTokenSource();
        var clients = TestNetwork.Shared.Beside(() =>
        {
            for (var port = 1024; !enough.IsCancellationRequested; port = port == 60000 ? 1024 : port + 1)
                lb.Receive(new TcpPacket(Hosts.Ip4.Alice.Port(port), Hosts.Ip4.Web, Tcp.Syn));
        });

        for (var i = 0; i < 50; i++)
            reconciler.Apply(i % 2 == 0 ? other : one, Self);
        await enough.CancelAsync();
        await clients;

        Assert.DoesNotContain(LbReason.RefuseNoBackend, lb.Reasons().Keys);
        Assert.InRange(lb.Reasons()[LbReason.SentToBackend], 50ul, ulong.MaxValue);

        static ServiceSnapshot Lasting() => Service("lasting", 81, A);
    }

    /// <summary>As a virtual address does at a failover: everything else must go on being followed.</summary>
    [Fact]
    public void An_address_that_comes_to_the_interface_stays_with_the_service_that_names_it()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        var virtually = Service("virtual", new ListenEndpoint(Hosts.Ip4.Alias, 80, TransportProtocol.Tcp), B);
        reconciler.Apply([Web(A), virtually], Self);

        reconciler.Apply([Web(C), virtually], [.. Self, Hosts.Ip4.Alias]);

        Assert.Equal([C.Address], Chosen(lb, 1));
        var toVirtual = new TcpPacket(Hosts.Ip4.Alice.Port(_port++), Hosts.Ip4.Alias.Port(80), Tcp.Syn);
        Assert.Equal(B.Address, TestFlow.From(lb.Receive(toVirtual)).Backend.Address);
    }

    static uint IdOf(Balancer lb, BackendSnapshot backend) => KernelState.Read(lb.Tables).Backends
        .Single(held => held.Value.EndPoint.Equals(backend.EndPoint)).Key;

    /// <summary>Where new flows go, null for those that are refused; sorted, for a new table goes on from any turn.</summary>
    List<IPAddress?> Chosen(Balancer lb, int flows) =>
    [
        .. Enumerable.Range(0, flows)
            .Select(_ => lb.Receive(new TcpPacket(Hosts.Ip4.Alice.Port(_port++), Hosts.Ip4.Web, Tcp.Syn)))
            .Select(outcome => outcome.Verdict == Verdict.Pass ? null : TestFlow.From(outcome).Backend.Address)
            .OrderBy(address => address?.ToString(), StringComparer.Ordinal),
    ];
}
