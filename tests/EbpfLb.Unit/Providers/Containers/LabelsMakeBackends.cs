using System.Collections.Immutable;
using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Providers.Containers;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Providers.Containers;

/// <summary>What labels say, and what is said of those that say what cannot be.</summary>
public sealed class LabelsMakeBackends
{
    static readonly LoadBalancerConfiguration Configuration = WatchedContainers.Configuration("/run/engine.sock");

    static readonly Dictionary<string, ImmutableArray<IPAddress>> Networks = new()
    {
        ["lab"] = [IPAddress.Parse("172.20.0.2"), IPAddress.Parse("fd00::2")],
        ["other"] = [IPAddress.Parse("172.21.0.2")],
        ["none"] = [],
        ["own"] = [IPAddress.Parse("fd00::3"), .. WatchedContainers.Own],
    };

    [Theory]
    [InlineData("service=web", "web c 172.20.0.2:80 1", "web c [fd00::2]:80 1")]
    [InlineData("service=web port=8080 weight=3", "web c 172.20.0.2:8080 3", "web c [fd00::2]:8080 3")]
    [InlineData("service=dns", "dns c 172.20.0.2:53 1", "dns c [fd00::2]:53 1")]
    [InlineData("service=web network=other", "web c 172.21.0.2:80 1")]
    [InlineData("service=web network=other weight=0", "web c 172.21.0.2:80 0")]
    [InlineData("service=direct network=other port=8080", "direct c 172.21.0.2:8080 1")]
    [InlineData("service=web network=other lab=c0ffee lab.owner=me", "web c 172.21.0.2:80 1")]
    public void That_are_valid(string labels, params string[] backends)
    {
        var (found, faults) = Read(labels);

        Assert.Empty(faults);
        Assert.Equal(backends, found.Select(WatchedContainers.Write));
    }

    [Theory]
    [InlineData("service=direkt", "container c ebpf-lb.service: 'direkt' is not a service of this balancer. Perhaps 'direct' is meant.")]
    [InlineData("service=mail", "container c ebpf-lb.service: 'mail' is not a service of this balancer. Name one of: direct, dns, web.")]
    [InlineData("service=", "container c ebpf-lb.service: '' is not a service of this balancer. Name one of: direct, dns, web.")]
    [InlineData("service=web,dns", "container c ebpf-lb.service: 'web,dns' is not a service of this balancer. Name one of: direct, dns, web.")]
    [InlineData("port=80", "container c: the label ebpf-lb.service is missing. Add it, or remove ebpf-lb.port.")]
    [InlineData("service=web port=0", "container c ebpf-lb.port: '0' has no valid port. Use a port of 1 to 65535.")]
    [InlineData("service=web port=80/tcp", "container c ebpf-lb.port: '80/tcp' has no valid port. Use a port of 1 to 65535.")]
    [InlineData("service=web port=65536", "container c ebpf-lb.port: '65536' has no valid port. Use a port of 1 to 65535.")]
    [InlineData("service=direct port=80", "container c ebpf-lb.port: '80' is another port than that of service 'direct', whose mode dsr "
        + "changes no port. Leave the label out, or use mode nat.")]
    [InlineData("service=web weight=101", "container c ebpf-lb.weight: '101' is not a weight. Use a whole number of 0 to 100; 0 takes no new flow.")]
    [InlineData("service=web weight=-1", "container c ebpf-lb.weight: '-1' is not a weight. Use a whole number of 0 to 100; 0 takes no new flow.")]
    [InlineData("service=web network=lan", "container c ebpf-lb.network: 'lan' is not one of its networks. Connect it to that network, or "
        + "name another with ebpf-lb.network; it is on: lab, none, other, own.")]
    [InlineData("service=web network=none", "container c ebpf-lb.network: 'none' is a network that gives it no address. Connect it to that "
        + "network, or name another with ebpf-lb.network; it is on: lab, none, other, own.")]
    [InlineData("service=web network=own", "container c: '172.20.0.254' is the balancer's own address. Remove its labels, or run the "
        + "backend in a network namespace of its own.")]
    [InlineData("service=web prot=80", "container c: 'ebpf-lb.prot' is not a known label. Perhaps 'ebpf-lb.port' is meant.")]
    [InlineData("Service=web", "container c: 'ebpf-lb.Service' is not a known label. Perhaps 'ebpf-lb.service' is meant.")]
    [InlineData("service=direkt port=x weight=heavy",
        "container c ebpf-lb.service: 'direkt' is not a service of this balancer. Perhaps 'direct' is meant.",
        "container c ebpf-lb.port: 'x' has no valid port. Use a port of 1 to 65535.",
        "container c ebpf-lb.weight: 'heavy' is not a weight. Use a whole number of 0 to 100; 0 takes no new flow.")]
    public void That_are_invalid_are_all_reported_with_the_containers_name(string labels, params string[] sentences)
    {
        var (found, faults) = Read(labels);

        Assert.Empty(found);
        Assert.Equal(sentences, faults.Select(fault => $"{fault}"));
    }

    [Theory]
    [InlineData("lab=c0ffee lab.owner=me")]
    [InlineData("standin=true")]
    [InlineData("")]
    public void Of_other_programs_are_ignored(string labels) => Assert.False(LabelledContainer.IsLabelled(Labelled(labels)));

    [Theory]
    [InlineData(null, 15)]
    [InlineData("", 15)]
    [InlineData("SIGQUIT", 3)]
    [InlineData("winch", 28)]
    [InlineData("SIGCONT", 18)]
    [InlineData("37", 37)]
    [InlineData("SIGRTMIN+3", 37)]
    [InlineData("SIGRTMIN+x", 0)]
    [InlineData("SIGNAL", 0)]
    public void A_signals_name_is_a_number(string? text, int number) => Assert.Equal(number, StopSignal.Number(text));

    static (ImmutableArray<ContainerBackend> Backends, ImmutableArray<ConfigurationError> Faults) Read(string labels) =>
        new LabelledContainer(Configuration, WatchedContainers.Own, Labelled(labels)).Read();

    /// <summary>A container with labels written as name=value, without their prefix.</summary>
    static Container Labelled(string labels) => new(
        "0c", "c",
        labels.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(label => label.Split('='))
            .ToDictionary(label => $"ebpf-lb.{label[0]}", label => label[1]),
        Networks, BackendHealth.Unchecked);
}
