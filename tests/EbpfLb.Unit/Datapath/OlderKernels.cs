using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A kernel that does not tell how it knows a packet's checksum (before 6.2) gets another tc program, which has the
/// kernel's helpers mend all of them: nobody can tell the two apart by what leaves.
/// </summary>
public sealed class OlderKernels
{
    [Theory, OverEachIp]
    [Case(PacketCase.Offloads)]
    public void What_leaves_is_the_same_to_the_byte(Hosts hosts)
    {
        using var newer = Serving(Balancer.On(Hook.Tc), hosts);
        using var older = Serving(Balancer.OnCompatibleTc(), hosts);
        Packet[] packets =
        [
            Some.Syn(hosts),
            Some.Syn(hosts) with { Source = hosts.Bob.Port(40004), Checksum = L4Checksum.Wrong, Ttl = 2 },
            Some.Datagram(hosts),
            Some.Datagram(hosts) with { Source = hosts.Bob.Port(40002), Payload = Some.Bytes(1400), Ttl = 255 },
            Some.Datagram(hosts) with { Source = hosts.Bob.Port(40003), Checksum = L4Checksum.Wrong },
        ];

        foreach (var packet in packets)
        {
            var outcome = older.Receive(packet);
            Assert.Equal(newer.Receive(packet).Left, outcome.Left);
            Assert.Equal(newer.ReceiveSummedOnTc(packet).Left, older.ReceiveSummedOnTc(packet).Left);

            var flow = TestFlow.Of(outcome);
            var answer = packet with { Source = flow.Backend, Destination = flow.Nat };
            Assert.Equal(newer.Receive(answer).Left, older.Receive(answer).Left);
        }
    }

    [Fact]
    [Case(PacketCase.UdpZeroChecksum)]
    public void A_datagram_without_a_checksum_stays_without()
    {
        using var lb = Serving(Balancer.OnCompatibleTc(), Hosts.Ip4);
        var packet = Some.Datagram(Hosts.Ip4) with { Checksum = L4Checksum.None };

        var outcome = lb.Receive(packet);

        outcome.LeavesAs(TestFlow.Of(outcome).AtBackend(packet));
    }

    static Balancer Serving(Balancer lb, Hosts hosts)
    {
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080));
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(8080));
        return lb;
    }
}
