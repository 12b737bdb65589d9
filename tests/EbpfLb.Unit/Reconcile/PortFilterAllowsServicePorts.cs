using System.Collections.Immutable;
using System.Net;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Reconcile;

/// <summary>The datapath looks at packets of every service's ports, and goes on doing so when the service has left.</summary>
public sealed class PortFilterAllowsServicePorts
{
    static readonly ImmutableArray<IPAddress> Self = [Hosts.Ip4.Balancer];

    [Theory]
    [InlineData(80, 80)]
    [InlineData(80, 8080)]
    [InlineData(65535, 1)]
    public void Ports_of_a_service_and_of_its_backends(ushort listens, ushort answers)
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        new Reconciler(lb.Tables).Apply([Web(listens, answers)], Self);

        AssertThatItServes(lb, listens);
    }

    [Theory, InlineData(1), InlineData(63), InlineData(64), InlineData(60999)]
    public void Every_port_for_an_any_port_service(int port)
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        new Reconciler(lb.Tables).Apply([Web(listens: 0, answers: 0)], Self);

        AssertThatItServes(lb, port);
    }

    [Fact]
    public void Two_services_on_neighbouring_ports_are_both_allowed()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        new Reconciler(lb.Tables).Apply([Web(80, 8080), Web(81, 8081).With(service => service with { Name = "other" })], Self);

        AssertThatItServes(lb, 80);
        AssertThatItServes(lb, 81);
    }

    [Fact]
    public void Also_for_flows_of_a_removed_service()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var reconciler = new Reconciler(lb.Tables);
        reconciler.Apply([Web(80, 8080)], Self);
        var flow = AssertThatItServes(lb, 80);

        reconciler.Apply([], Self);

        lb.ForwardsBothWays(flow);
    }

    static ServiceSnapshot Web(ushort listens, ushort answers) =>
        Snapshots.Service("web", listens, new BackendSnapshot(Hosts.Ip4.BackendA, answers, 1, "a"));

    static TestFlow AssertThatItServes(Balancer lb, int port)
    {
        var flow = TestFlow.From(lb.Receive(Some.Syn(Hosts.Ip4) with { Destination = Hosts.Ip4.Balancer.Port(port) }));
        lb.ForwardsBothWays(flow);
        return flow;
    }
}
