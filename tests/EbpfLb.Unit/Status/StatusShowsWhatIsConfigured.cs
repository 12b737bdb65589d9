using System.Net;
using EbpfLb.Abi;
using EbpfLb.Commands;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;
using EbpfLb.Status;
using EbpfLb.Unit.Datapath.Harness;
using static EbpfLb.Unit.Snapshots;

namespace EbpfLb.Unit.Status;

/// <summary>The kernel holds a service for each address family; users see the one that they configured.</summary>
public sealed class StatusShowsWhatIsConfigured
{
    static readonly IPAddress SelfV6 = IPAddress.Parse("fd00:7::1");
    static readonly BackendSnapshot Four = new(Hosts.Ip4.BackendA, 80, 1, "a");
    static readonly BackendSnapshot Six = new(IPAddress.Parse("fd00:7::11"), 8080, 2, "a");

    [Fact]
    public void One_service_with_the_endpoints_and_backends_of_both_families()
    {
        using var lb = Serving();

        var service = Assert.Single(StatusReader.Create("eth0", lb.Tables).Services);

        Assert.Equal("web", service.Name);
        Assert.Equal(["10.7.0.1:80/tcp", "[fd00:7::1]:80/tcp"], service.Listen);
        Assert.Equal(
            [("a", "10.7.0.11:80", 1), ("a", "[fd00:7::11]:8080", 2)],
            service.Backends.Select(backend => (backend.Name, backend.Address, backend.Weight)));
    }

    [Fact]
    public void Flows_of_both_families_together()
    {
        using var lb = Serving();
        foreach (var (id, backend) in KernelState.Read(lb.Tables).Backends)
        {
            var tuple = new LbTuple { Src = backend.Address, Dst = backend.Address, Protocol = 6 };
            lb.Tables.Flows.Set(tuple, new() { Backend = (ushort)id, Service = (ushort)backend.Service });
        }

        var service = Assert.Single(StatusReader.Create("eth0", lb.Tables).Services);

        Assert.Equal(2, service.Flows);
        Assert.All(service.Backends, backend => Assert.Equal(1, backend.Flows));
    }

    [Fact]
    public void The_clients_interface_first_and_then_the_others()
    {
        using var lb = Serving();
        using var output = new StringWriter();

        var status = Read(lb);
        new StatusTable(output).Write(status);

        Assert.Equal(["lan", "far"], status.Interfaces);
        Assert.Empty(status.Lost);
        Assert.StartsWith("lan, far: hook", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Interfaces_that_are_gone_even_if_another_has_the_name()
    {
        using var lb = Serving();
        using var output = new StringWriter();
        lb.Tables.Links.Remove(TestNetwork.Lan.Index);
        lb.Tables.Links.Set(999, new() { Name = TestNetwork.Lan.Name });

        var status = Read(lb);
        new StatusTable(output).Write(status);
        lb.Tables.Links.Remove(999);
        lb.Tables.Links.Set(TestNetwork.Lan.Index, TestNetwork.Lan.InTables);

        Assert.Equal(["far"], status.Interfaces);
        Assert.Equal(["lan"], status.Lost);
        Assert.StartsWith("far, lan (gone): hook", output.ToString(), StringComparison.Ordinal);
    }

    [Theory, InlineData("nat"), InlineData("dsr"), InlineData("tunnel")]
    public void The_forwarding_mode(string word)
    {
        var mode = ConfigNames.Modes.Parse(word).Value;
        using var lb = Serving();
        new Reconciler(lb.Tables).Apply([Web(Four, Six).With(service => service with { Mode = mode })], [Hosts.Ip4.Balancer, SelfV6]);
        using var output = new StringWriter();

        var status = StatusReader.Create("eth0", lb.Tables);
        new StatusTable(output).Write(status);

        Assert.Equal(word, Assert.Single(status.Services).Mode);
        Assert.Contains($"mode {word},", output.ToString(), StringComparison.Ordinal);
    }

    [Theory, InlineData("service"), InlineData("interface", "interface"), InlineData("192.0.2.11", "192.0.2.11")]
    [InlineData("192.0.2.11 2001:db8::11", "192.0.2.11", "2001:db8::11")]
    public void The_source_address_of_NAT_unless_it_is_the_default(string configured, params string[] shown)
    {
        using var lb = Serving();
        var web = Web(Four, Six).With(service => service with { NatSource = [.. configured.Split(' ').Select(text => SnatSource.Type.Parse(text).Value)] });
        new Reconciler(lb.Tables).Apply([web], [Hosts.Ip4.Balancer, SelfV6]);
        using var output = new StringWriter();

        var status = StatusReader.Create("eth0", lb.Tables);
        new StatusTable(output).Write(status);

        Assert.Equal(shown, Assert.Single(status.Services).NatSource);
        Assert.Contains(shown is [] ? "mode nat, 0 flows" : $"mode nat, nat-source {string.Join(", ", shown)}, 0 flows", output.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Clients of both families have the one backend: to the kernel it is two.</summary>
    [Fact]
    public void A_tunnels_backend_of_both_families_once()
    {
        using var lb = Serving();
        var reconciler = new Reconciler(lb.Tables);
        var tunnelled = Web(Four).With(service => service with { Mode = ForwardingMode.Tunnel });
        reconciler.Apply([tunnelled], [Hosts.Ip4.Balancer, SelfV6]);
        reconciler.Apply([tunnelled], [Hosts.Ip4.Balancer, SelfV6], new Dictionary<uint, int>());
        lb.Receive(Some.Syn(Hosts.Ip4));
        lb.Receive(Some.Syn(Hosts.Ip6) with { Destination = SelfV6.Port(80) });

        var status = StatusReader.Create("eth0", lb.Tables);

        var service = Assert.Single(status.Services);
        Assert.Equal(2, service.Listen.Count);
        var backend = Assert.Single(service.Backends);
        Assert.Equal((2, 2ul), (backend.Flows, backend.Traffic.Opened));
        Assert.Equal(0, reconciler.Apply([tunnelled], [Hosts.Ip4.Balancer, SelfV6]));
    }

    [Fact]
    public void A_table_with_aligned_columns()
    {
        using var lb = Serving();
        using var output = new StringWriter { NewLine = "\n" };
        var long6 = Six with { Address = IPAddress.Parse("fd00:1111:2222:3333:4444:5555:6666:7777") };
        new Reconciler(lb.Tables).Apply([Web(Four, long6)], [Hosts.Ip4.Balancer, SelfV6]);

        new StatusTable(output).Write(StatusReader.Create("eth0", lb.Tables));

        var rows = output.ToString().Split('\n').Where(line => line.StartsWith("    ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(4, rows.Length); // the heading, the two backends, and the one that left and is still there
        Assert.Single(rows.Select(row => row.Length).Distinct());
    }

    static InstanceStatus Read(Balancer lb) => TestNetwork.Shared.Inside(() => StatusReader.Create("lan", lb.Tables));

    static Balancer Serving()
    {
        var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        new Reconciler(lb.Tables).Apply([Web(Four, Six)], [Hosts.Ip4.Balancer, SelfV6]);
        return lb;
    }
}
