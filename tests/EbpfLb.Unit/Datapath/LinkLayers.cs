using System.Buffers.Binary;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>Only a frame to the interface's own Ethernet address is balanced.</summary>
[Case(PacketCase.OtherHost)]
public sealed class LinkLayers
{
    static readonly Mac Broadcast = new(0xffffffffffff);
    static readonly Mac Multicast = new(0x01005e000001);

    [Theory, OnEveryHook]
    public void A_frame_for_another_address_passes_untouched_and_is_counted(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var lan = TestNetwork.Lan.Mac;
        Mac[] others = [Mac.From(hosts.Bob), new(lan.Value ^ 1), new(lan.Value ^ 1ul << 40), new(lan.Value ^ 1 << 24), Broadcast, Multicast];

        foreach (var other in others)
            lb.Receive(Some.Syn(hosts) with { DestinationMac = other }).IsPassedUntouched();

        lb.HasCounted((LbReason.PassOtherHost, (ulong)others.Length));
        lb.HasNoFlow();
    }

    [Theory, OnEveryHook]
    public void A_reply_in_a_frame_for_another_address_passes_too(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var flow = lb.Open(hosts.Alice.Port(40001), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));

        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack) with { DestinationMac = Mac.From(hosts.Bob) }).IsPassedUntouched();
    }

    [Theory, OnEveryHook]
    public void Each_interface_has_its_own_address(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));

        lb.Receive(Some.Syn(hosts) with { DestinationMac = TestNetwork.Lan.Mac }, TestNetwork.Far).IsPassedUntouched();

        lb.HasCounted((LbReason.PassOtherHost, 1));
    }

    [Theory, OverEachIp]
    public void Xdp_passes_packets_of_an_unknown_interface_to_tc(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Xdp, Balancer.Defaults);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        lb.Tables.EthernetLinks.Set(0, default);

        lb.Deliver(Some.Syn(hosts)).LeavesAs(AtBackend(hosts));

        lb.HasCounted((LbReason.PassToTc, 1), (LbReason.SentToBackend, 1));
    }

    [Theory, OverEachIp]
    public void Xdp_passes_packets_that_may_have_had_a_vlan_tag_to_tc(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Xdp, Balancer.Defaults);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        lb.Tables.EthernetLinks.Set(0, TestNetwork.Lan.LayerInTables with { HidesTags = 1 });

        lb.Deliver(Some.Syn(hosts)).LeavesAs(AtBackend(hosts));

        lb.HasCounted((LbReason.PassToTc, 1), (LbReason.SentToBackend, 1));
    }

    /// <summary>The first two bytes behind the tag's type are the tag, which is the IP header's first two here.</summary>
    [Theory, OverEachIp]
    public void Xdp_passes_frames_of_vlan_0_to_tc_and_other_vlans_to_the_stack(Hosts hosts)
    {
        using var lb = Balancer.On(Hook.Xdp);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));

        foreach (var (bytes, type) in new[] { (0x0000, 0x8100), (0xe000, 0x8100), (0xe000, 0x88a8), (0x0001, 0x8100), (0x0800, 0x8100) })
        {
            var frame = (Some.Syn(hosts) with { EtherType = (ushort)type, DestinationMac = TestNetwork.Lan.Mac }).ToFrame();
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(Packet.EthernetLength), (ushort)bytes);
            lb.Receive(frame, TestNetwork.Lan).IsPassedUntouched();
        }

        lb.HasCounted((LbReason.PassNotIp, 2), (LbReason.PassToTc, 3));
    }

    static TcpPacket AtBackend(Hosts hosts) => Some.Syn(hosts) with
    {
        Source = hosts.Balancer.Port(40001),
        Destination = hosts.BackendA.Port(80),
        Ttl = (byte)(Some.Syn(hosts).Ttl - 1),
    };
}
