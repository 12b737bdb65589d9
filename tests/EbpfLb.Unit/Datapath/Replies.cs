using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>What a backend answers goes to the client that asked, as if the service had answered.</summary>
[Case(PacketCase.Reply)]
public sealed class Replies
{
    [Theory, OnEveryHook]
    public void A_connections_packets_are_translated_both_ways(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080)));
        TcpPacket[] conversation =
        [
            flow.FromBackend(Tcp.Syn | Tcp.Ack),
            flow.FromClient(Tcp.Ack),
            flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(77) },
            flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(1201) },
            flow.FromBackend(Tcp.Fin | Tcp.Ack),
            flow.FromClient(Tcp.Fin | Tcp.Ack),
            flow.FromBackend(Tcp.Ack),
        ];

        foreach (var packet in conversation)
        {
            var toBackend = packet.Source.Equals(flow.Client);
            lb.Receive(packet).LeavesAs(toBackend ? flow.AtBackend(packet) : flow.AtClient(packet));
        }

        lb.HasCounted((LbReason.SentToBackend, 4), (LbReason.SentToClient, 4));
    }

    [Theory, OnEveryHook]
    public void A_datagram_from_another_port_of_the_backend_passes_and_is_counted(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeUdp(hosts.Web, hosts.BackendA.Port(69)));

        lb.Receive(new UdpPacket(flow.Backend.Address.Port(50001), flow.Nat)).IsPassedUntouched();

        lb.HasCounted((LbReason.SentToBackend, 1), (LbReason.PassNoService, 1));
    }

    [Theory, OnEveryHook]
    public void A_datagrams_answer_goes_to_its_sender(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53)));
        var answer = new UdpPacket(flow.Backend, flow.Nat) { Payload = Some.Bytes(33) };

        lb.Receive(answer).LeavesAs(flow.AtClient(answer));

        lb.HasCounted((LbReason.SentToBackend, 1), (LbReason.SentToClient, 1));
    }

    [Theory, OnEveryHook]
    public void A_backends_packet_to_no_flow_is_not_ours(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080)));

        lb.Receive(flow.FromBackend(Tcp.Ack) with { Destination = hosts.Balancer.Port(40002) }).IsPassedUntouched();
        lb.Receive(flow.FromBackend(Tcp.Ack) with { Source = hosts.BackendB.Port(8080) }).IsPassedUntouched();

        lb.HasCounted((LbReason.SentToBackend, 1), (LbReason.PassNoService, 2));
    }
}
