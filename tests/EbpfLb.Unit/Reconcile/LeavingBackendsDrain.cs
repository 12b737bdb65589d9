using System.Collections.Immutable;
using System.Net;
using EbpfLb.Abi;
using EbpfLb.Commands;
using EbpfLb.Flows;
using EbpfLb.Reconcile;
using EbpfLb.Status;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Reconcile;

/// <summary>A backend that takes no new flow any more keeps those it has until they end, or its time to drain has passed.</summary>
public sealed class LeavingBackendsDrain
{
    static readonly ImmutableArray<IPAddress> Self = [Hosts.Ip4.Balancer];
    static readonly BackendSnapshot A = new(Hosts.Ip4.BackendA, 80, 1, "a");
    static readonly BackendSnapshot B = new(Hosts.Ip4.BackendB, 80, 1, "b");
    static readonly TimeSpan Drain = TimeSpan.FromSeconds(20);

    readonly List<(LbTuple Client, FlowEnd Why)> _ended = [];
    readonly Clock _clock = new();

    public static TheoryData<string> Leavings => ["removed", "weighted to zero"];

    [Theory, MemberData(nameof(Leavings))]
    [Case(PacketCase.BackendLeaves)]
    public void Flows_are_forwarded_until_the_deadline(string leaving)
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var flow = ConnectToB(lb);

        Apply(lb, Without(leaving));
        _clock.Now += Drain - TimeSpan.FromSeconds(1);
        Pass(lb, Without(leaving));

        Assert.Equal(Verdict.Redirect, lb.Receive(flow.FromClient(Tcp.Ack)).Verdict);
        Assert.Equal(("draining", 1), (StateOf(lb, B), FlowsOf(lb, B)));
        Assert.Empty(_ended);
    }

    [Theory, MemberData(nameof(Leavings))]
    public void After_the_deadline_flows_are_cut_and_refused(string leaving)
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var flow = ConnectToB(lb);
        Apply(lb, Without(leaving));

        _clock.Now += Drain;
        Pass(lb, Without(leaving));
        lb.HasNoFlow();
        Assert.Equal("draining", StateOf(lb, B));
        Pass(lb, Without(leaving));

        Assert.Equal(Verdict.Pass, lb.Receive(flow.FromClient(Tcp.Ack)).Verdict);
        Assert.Equal(1ul, lb.Reasons()[LbReason.RefuseUnknownFlow]);
        Assert.Equal([FlowEnd.Drained], _ended.Select(ended => ended.Why));
        Assert.Equal(leaving == "removed" ? null : "drained", StateOf(lb, B));
    }

    [Fact]
    public void A_backend_without_flows_is_drained_at_once()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        Apply(lb, Web(A, B));

        Apply(lb, Web(A, B with { Weight = 0 }));
        Assert.Equal("draining", StateOf(lb, B));
        Pass(lb, Web(A, B with { Weight = 0 }));

        Assert.Equal("drained", StateOf(lb, B));
        Assert.Equal(0, Apply(lb, Web(A, B with { Weight = 0 })));
    }

    [Fact]
    public void Flows_of_other_backends_are_not_cut()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        Apply(lb, Web(A));
        var flow = lb.Receive(new TcpPacket(Hosts.Ip4.Alice.Port(20000), Hosts.Ip4.Web, Tcp.Syn));
        Apply(lb, Web(A, B));

        Apply(lb, Web(A));
        _clock.Now += Drain;
        Pass(lb, Web(A));

        Assert.Equal(Verdict.Redirect, lb.Receive(TestFlow.From(flow).FromClient(Tcp.Ack)).Verdict);
        Assert.Empty(_ended);
    }

    [Fact]
    public void A_backend_that_comes_back_in_time_loses_no_flow()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var flow = ConnectToB(lb);

        Apply(lb, Web(A));
        _clock.Now += Drain / 2;
        Apply(lb, Web(A, B));
        _clock.Now += Drain;
        Pass(lb, Web(A, B));

        Assert.Equal("unchecked", StateOf(lb, B));
        Assert.Equal(Verdict.Redirect, lb.Receive(flow.FromClient(Tcp.Ack)).Verdict);
        Assert.Empty(_ended);
    }

    [Fact]
    public void A_backend_that_comes_back_during_the_cut_keeps_its_remaining_flows()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        ConnectToB(lb);
        ConnectToB(lb);
        Apply(lb, Web(A));
        _clock.Now += Drain;

        new FlowGarbageCollector(lb.Tables, new(), _clock, Hosts.Own).Collect((client, _, _, why) =>
        {
            _ended.Add((client, why));
            Apply(lb, Web(A, B));
        }, TestContext.Current.CancellationToken);

        Assert.Single(_ended);
        Assert.Equal(2, lb.Tables.FlowMaps.SelectMany(map => map.Keys()).Count());
    }

    [Fact]
    public void A_deadline_outlives_the_process_that_set_it()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        ConnectToB(lb);
        Apply(lb, Web(A));

        _clock.Now += Drain / 2;
        Apply(lb, Web(A).With(service => service with { Drain = TimeSpan.FromHours(1) }));
        _clock.Now += Drain / 2;
        Pass(lb, Web(A).With(service => service with { Drain = TimeSpan.FromHours(1) }));

        Assert.Equal([FlowEnd.Drained], _ended.Select(ended => ended.Why));
    }

    [Fact]
    public void A_removed_service_drains_for_its_configured_time()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var flow = ConnectToB(lb);

        Apply(lb);
        _clock.Now += Drain - TimeSpan.FromSeconds(1);
        Pass(lb);
        Assert.Equal(Verdict.Redirect, lb.Receive(flow.FromClient(Tcp.Ack)).Verdict);
        Assert.Equal(("draining", 1), (StateOf(lb, B), FlowsOf(lb, B)));

        _clock.Now += TimeSpan.FromSeconds(1);
        Pass(lb);
        Pass(lb);
        Assert.Equal(Verdict.Pass, lb.Receive(flow.FromClient(Tcp.Ack)).Verdict);
        Assert.Empty(KernelState.Read(lb.Tables).Backends);
        Assert.Empty(KernelState.Read(lb.Tables).Services);
    }

    [Fact]
    public void A_service_that_comes_back_in_time_loses_no_flow()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var flow = ConnectToB(lb);

        Apply(lb);
        Assert.Equal(Verdict.Pass, lb.Receive(new TcpPacket(Hosts.Ip4.Alice.Port(_port++), Hosts.Ip4.Web, Tcp.Syn)).Verdict);
        Apply(lb, Web(A, B));
        _clock.Now += 2 * Drain;
        Pass(lb, Web(A, B));

        Assert.Equal("unchecked", StateOf(lb, B));
        Assert.Equal(Verdict.Redirect, lb.Receive(flow.FromClient(Tcp.Ack)).Verdict);
        Assert.Equal(
            Verdict.Redirect, lb.Receive(new TcpPacket(Hosts.Ip4.Alice.Port(_port++), Hosts.Ip4.Web, Tcp.Syn)).Verdict);
        Assert.Empty(_ended);
    }

    [Fact]
    public void A_backend_that_is_down_keeps_its_flows()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var flow = ConnectToB(lb);
        var sick = Web(A, B with { Health = BackendHealth.Down, IsExcluded = true });

        Apply(lb, sick);
        _clock.Now += 10 * Drain;
        Pass(lb, sick);

        Assert.Equal("down", StateOf(lb, B));
        Assert.Equal(Verdict.Redirect, lb.Receive(flow.FromClient(Tcp.Ack)).Verdict);
    }

    [Fact]
    public void Status_shows_the_remaining_drain_time()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        using var output = new StringWriter();
        ConnectToB(lb);

        Apply(lb, Web(A).With(service => service with { Drain = TimeSpan.FromHours(2) }));
        new StatusTable(output).Write(StatusReader.Create("eth0", lb.Tables));

        Assert.InRange(StatusOf(lb, B)!.DrainSeconds!.Value, 7000, 7200);
        Assert.Null(StatusOf(lb, A)!.DrainSeconds);
        Assert.Matches("b +10.7.0.12:80 +draining 7[0-9]{3}s +0 +1 ", output.ToString());
    }

    static ServiceSnapshot Web(params BackendSnapshot[] backends) =>
        Snapshots.Web(backends).With(web => web with { Drain = Drain });

    static ServiceSnapshot Without(string leaving) => leaving == "removed" ? Web(A) : Web(A, B with { Weight = 0 });

    int Apply(Balancer lb, params ServiceSnapshot[] desired) => new Reconciler(lb.Tables, _clock).Apply([.. desired], Self);

    /// <summary>A collection, and the pass that heeds what it found.</summary>
    void Pass(Balancer lb, params ServiceSnapshot[] desired)
    {
        var live = new FlowGarbageCollector(lb.Tables, new(), _clock, Hosts.Own).Collect((client, _, _, why) => _ended.Add((client, why)));
        new Reconciler(lb.Tables, _clock).Apply([.. desired], Self, live);
    }

    TestFlow ConnectToB(Balancer lb)
    {
        Apply(lb, Web(A with { Weight = 0 }, B));
        var flow = TestFlow.From(lb.Receive(new TcpPacket(Hosts.Ip4.Alice.Port(_port++), Hosts.Ip4.Web, Tcp.Syn)));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));
        Apply(lb, Web(A, B));
        return flow;
    }

    int _port = 20000;

    static BackendStatus? StatusOf(Balancer lb, BackendSnapshot backend) => StatusReader.Create("eth0", lb.Tables).Services
        .SelectMany(service => service.Backends).SingleOrDefault(status => status.Name == backend.Host);

    static string? StateOf(Balancer lb, BackendSnapshot backend) => StatusOf(lb, backend)?.State;

    static int FlowsOf(Balancer lb, BackendSnapshot backend) => StatusOf(lb, backend)!.Flows;

    /// <summary>The machine's clock, put forward.</summary>
    sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long GetTimestamp() => System.GetTimestamp() + (long)Now.TotalNanoseconds;
    }
}
