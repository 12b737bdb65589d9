using System.Collections.Immutable;
using System.Net;
using EbpfLb.Native;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;
using static EbpfLb.Unit.Snapshots;

namespace EbpfLb.Unit.Reconcile;

/// <summary>The counters of an id belong to the backend that has the id now.</summary>
public sealed class CountersFollowTheBackends
{
    static readonly ImmutableArray<IPAddress> Self = [Hosts.Ip4.Balancer];
    static readonly IReadOnlyDictionary<uint, int> NoFlows = new Dictionary<uint, int>();
    static readonly BackendSnapshot A = new(Hosts.Ip4.BackendA, 80, 1, "a");
    static readonly BackendSnapshot B = new(Hosts.Ip4.BackendB, 80, 1, "b");

    [Fact]
    public void A_backend_with_a_reused_id_starts_at_zero()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A)], Self);
        lb.Receive(Some.Syn(Hosts.Ip4));
        Assert.Equal(1ul, FlowsOpenedBy(lb, id: 0));

        reconciler.Apply([Web()], Self, NoFlows);
        reconciler.Apply([Web(B)], Self);

        Assert.Equal(B.Address, Assert.Single(KernelState.Read(lb.Tables).Backends).Value.EndPoint.Address);
        Assert.Equal(0ul, FlowsOpenedBy(lb, id: 0));
    }

    [Fact]
    public void A_count_of_live_flows_replaces_the_datapaths_own()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(A, B)], Self);
        lb.Tables.ActiveFlows.Set(0, 9);
        lb.Tables.ActiveFlows.Set(1, 9);

        reconciler.Apply([Web(A, B)], Self, new Dictionary<uint, int> { [0] = 7 });

        Assert.True(lb.Tables.ActiveFlows.TryGet(0, out var counted));
        Assert.True(lb.Tables.ActiveFlows.TryGet(1, out var none));
        Assert.Equal((7, 0), (counted, none));
    }

    static ulong FlowsOpenedBy(Balancer lb, uint id) =>
        lb.Tables.BackendTraffic.SumPerCpu(id).Flows;
}
