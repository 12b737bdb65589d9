using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A packet whose checksum its sender left to hardware stays such a packet when it becomes the quote of an error:
/// hardware finishes it inside the quote, and the error's own checksum is right once it has. Whether hardware will do
/// so cannot be seen where the sender's complete checksum happens to look unfinished: then both must be right.
/// </summary>
public sealed class GeneratedIcmpErrorsOverPartialChecksums
{
    static Packet Late(Hosts hosts, bool tcp, int payload) =>
        (tcp ? (Packet)Some.Syn(hosts) : Some.Datagram(hosts)) with { Ttl = 1, Payload = Some.Bytes(payload) };

    [Theory]
    [OnEveryHook(true, 0), OnEveryHook(true, 9), OnEveryHook(true, 100), OnEveryHook(false, 9), OnEveryHook(false, 100)]
    public void Checksum_offload_completes_the_error_as_for_a_whole_packet(
        Hook hook, Hosts hosts, bool tcp, int payload)
    {
        using var lb = Serving(hook, hosts);
        var complete = Late(hosts, tcp, payload);
        var partial = complete with { Checksum = L4Checksum.Partial };

        var outcome = lb.Deliver(partial);

        var finished = Hardware.FinishQuote(new(outcome.Left), new(outcome.Came));
        (outcome with { Left = finished.Bytes.ToArray() }).IsAnsweredBy(OwnError.TimeExceeded(complete));
    }

    [Theory]
    [OnEveryHook(true, 1300), OnEveryHook(true, 1301), OnEveryHook(false, 1300), OnEveryHook(false, 1301)]
    public void Of_a_part_of_the_packet_the_error_is_right_before_and_after(
        Hook hook, Hosts hosts, bool tcp, int payload)
    {
        using var lb = Serving(hook, hosts);
        var partial = Late(hosts, tcp, payload) with { Checksum = L4Checksum.Partial };

        var outcome = lb.Deliver(partial);

        var left = new Frame(outcome.Left);
        Assert.Equal(0xffff, left.SegmentSum);
        Assert.Equal(0xffff, Hardware.FinishQuote(left, new(outcome.Came)).SegmentSum);
        AssertIsAsSentButForTheChecksum(OwnError.TimeExceeded(partial), left);
    }

    [Theory, OnEveryHook(true), OnEveryHook(false)]
    public void A_complete_checksum_that_looks_unfinished_is_right_before_and_after(Hook hook, Hosts hosts, bool tcp)
    {
        using var lb = Serving(hook, hosts);
        var late = Late(hosts, tcp, 200);
        for (var word = 0; !new Frame(late.ToFrame()).LooksPartial; word++)
            late = late with { Payload = [(byte)(word >> 8), (byte)word, .. Some.Bytes(198)] };
        Assert.Equal(L4Checksum.Complete, new Frame(late.ToFrame()).L4Checksum);

        var outcome = lb.ReceiveOnTc(late);

        outcome.IsAnsweredBy(OwnError.TimeExceeded(late));
        Assert.Equal(0xffff, Hardware.FinishQuote(new(outcome.Left), new(outcome.Came)).SegmentSum);
    }

    static Balancer Serving(Hook hook, Hosts hosts)
    {
        var lb = Balancer.On(hook);
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(80));
        return lb;
    }

    static void AssertIsAsSentButForTheChecksum(IcmpError expected, Frame left)
    {
        byte[] Cleared(Frame frame)
        {
            var bytes = frame.Bytes.ToArray();
            bytes.AsSpan(frame.SegmentOffset + frame.L4ChecksumOffset, sizeof(ushort)).Clear();
            var segment = frame.SegmentOffset + IcmpError.HeaderLengthOfBoth + expected.Quoted.IpHeaderLength;
            bytes.AsSpan(segment + new Frame(expected.Quoted.ToFrame()).L4ChecksumOffset, sizeof(ushort)).Clear();
            return bytes;
        }

        FrameComparison.AssertSame(Cleared(new(expected.ToFrame())), Cleared(left), "answered");
    }
}
