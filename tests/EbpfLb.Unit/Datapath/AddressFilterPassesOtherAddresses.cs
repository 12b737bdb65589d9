using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Datapath;

/// <summary>A packet to an address of no service and of no flow is passed before a flow is looked up.</summary>
[Case(PacketCase.NotOurs)]
public sealed class AddressFilterPassesOtherAddresses
{
    [Theory, OnEveryHook]
    public void A_flow_to_an_address_that_was_not_allowed_is_not_found(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        lb.Tables.PortFilter.Allow(TransportProtocol.Tcp, 80, [80]);
        var stranger = new TestFlow(hosts.Alice.Port(40001), hosts.Web, hosts.Balancer.Port(40001), hosts.BackendA.Port(80));

        lb.FiltersOut(stranger);
    }

    [Theory, OnEveryHook]
    public void Each_address_of_a_service_is_allowed(Hook hook, Hosts hosts)
    {
        const int addresses = 200;
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var random = new Random(7);

        for (var i = 0; i < addresses; i++)
        {
            var web = lb.ServeTcp(new IPEndPoint(AddressLike(hosts.Web.Address, random), 80), hosts.BackendA.Port(80));
            var flow = lb.Open(hosts.Alice.Port(1024 + i), web);
            lb.ForwardsAnswer(flow);
        }

        Assert.Equal(0ul, lb.Reasons().GetValueOrDefault(LbReason.PassNoService));
    }

    [Theory, OnEveryHook]
    public void Flows_outlive_the_service_whose_address_they_have(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        lb.RemoveServices();
        lb.ServeTcp(new IPEndPoint(AddressLike(hosts.Web.Address, new(1)), 80), hosts.BackendA.Port(80));

        lb.ForwardsBothWays(flow);
    }

    /// <summary>A random address of the same family; in IPv6 it differs in each word.</summary>
    static IPAddress AddressLike(IPAddress address, Random random)
    {
        var bytes = address.GetAddressBytes();
        random.NextBytes(bytes.AsSpan(1));
        bytes[0] = address.AddressFamily == AddressFamily.InterNetwork ? (byte)10 : (byte)0xfd;
        return new(bytes);
    }
}
