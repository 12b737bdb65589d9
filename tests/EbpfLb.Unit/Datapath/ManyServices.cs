using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>Services are told apart by address, port and protocol, all three.</summary>
[Case(PacketCase.ManyServices)]
public sealed class ManyServices
{
    [Theory, OnEveryHook]
    public void One_client_port_may_talk_to_all_of_them_at_once(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        TestService[] services =
        [
            lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)),
            lb.ServeUdp(hosts.Web, hosts.BackendA.Port(80)),
            lb.ServeTcp(hosts.Balancer.Port(443), hosts.BackendA.Port(80)),
            lb.ServeTcp(hosts.FarBalancer.Port(80), hosts.BackendB.Port(80)),
            lb.ServeUdp(hosts.Balancer.Port(53), hosts.BackendC.Port(53)),
        ];

        var flows = services.Select(service => (service, flow: lb.Open(hosts.Alice.Port(40001), service))).ToArray();

        foreach (var (service, flow) in flows)
        {
            Assert.Equal(Assert.Single(service.Backends.Keys), flow.Backend);
            Packet answer = service.Protocol == TcpPacket.ProtocolNumber
                ? flow.FromBackend(Tcp.Syn | Tcp.Ack)
                : new UdpPacket(flow.Backend, flow.Nat) { Payload = Some.Bytes(8) };
            lb.Receive(answer).LeavesAs(flow.AtClient(answer));
            Assert.Equal(1ul, lb.TrafficOf(service).Flows);
        }
    }

    [Theory, OnEveryHook]
    public void A_service_that_is_gone_takes_no_new_flow_and_keeps_the_old(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));

        lb.Tables.Services.Remove(Assert.Single(lb.Tables.Services.Keys()));

        lb.Receive(new TcpPacket(hosts.Bob.Port(40001), hosts.Web, Tcp.Syn)).IsPassedUntouched();
        var data = flow.FromClient(Tcp.Ack);
        lb.Receive(data).LeavesAs(flow.AtBackend(data));
        lb.HasCounted((LbReason.SentToBackend, 2), (LbReason.PassNoService, 1));
    }
}
