using System.Net;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>What became of a frame.</summary>
enum Verdict
{
    Pass,
    Drop,

    /// <summary>Back out of the interface that it came by; XDP's only.</summary>
    Transmit,
    Redirect,
}

/// <summary>One frame's way through the program: what came, what left, and whereto.</summary>
sealed record Outcome(Hook Hook, Link Ingress, byte[] Came, Verdict Verdict, byte[] Left)
{
    /// <summary>The frame was handed to the local stack byte for byte.</summary>
    public void IsPassedUntouched()
    {
        Assert.Equal(Verdict.Pass, Verdict);
        FrameComparison.AssertSame(Came, Left, $"passed untouched on {Hook}");
    }

    public void IsDropped() => Assert.Equal(Verdict.Drop, Verdict);

    /// <summary>The Ethernet addresses are as they came: the kernel, which resolves neighbours, is to write them.</summary>
    public bool KernelResolves => Left.AsSpan(0, 2 * Mac.Length).SequenceEqual(Came.AsSpan(0, 2 * Mac.Length));

    /// <summary>The id that a fragment left with.</summary>
    public uint FragmentId => new Frame(Left).Ip!.Fragment!.Value.Id;

    /// <summary>
    /// The frame was sent on towards the expected packet's destination and is that packet, byte for byte. Its
    /// Ethernet addresses are the way's, or on tc those that came, for the kernel to write; which of the two is
    /// <see cref="NextHops"/>' matter.
    /// </summary>
    public void LeavesAs(Packet expected)
    {
        var way = TestNetwork.WayTo(expected.Destination.Address);
        var frame = Hook == Hook.Tc && KernelResolves
            ? expected with { DestinationMac = Mac.Read(Came), SourceMac = Mac.Read(Came.AsSpan(Mac.Length)) }
            : expected with { DestinationMac = way?.Neighbour, SourceMac = way?.Link.Mac };
        Assert.Equal(Hook == Hook.Xdp && way?.Link == Ingress ? Verdict.Transmit : Verdict.Redirect, Verdict);
        FrameComparison.AssertSame(frame.ToFrame(), Left, $"sent on from {Hook}");
    }

    /// <summary>The frame was sent on to that host as it came, but for the Ethernet addresses.</summary>
    public void LeavesAsItCame(IPAddress to)
    {
        var way = TestNetwork.WayTo(to);
        var expected = Came.ToArray();
        if (Hook == Hook.Xdp || !KernelResolves)
        {
            way!.Neighbour.Write(expected);
            way.Link.Mac.Write(expected.AsSpan(Mac.Length));
        }
        Assert.Equal(Hook == Hook.Xdp && way?.Link == Ingress ? Verdict.Transmit : Verdict.Redirect, Verdict);
        FrameComparison.AssertSame(expected, Left, $"sent on from {Hook} as it came");
    }

    /// <summary>The packet was answered with this error, byte for byte, out of the interface that it came by.</summary>
    public void IsAnsweredBy(IcmpError expected)
    {
        Assert.Equal(Verdict.Redirect, Verdict);
        FrameComparison.AssertSame(expected.ToFrame(), Left, $"answered on {Hook}");
    }

    public static Outcome OfTc(Link ingress, byte[] came, (int Code, byte[] Frame) result) =>
        new(Hook.Tc, ingress, came, result.Code switch
        {
            -1 => Verdict.Pass, // TC_ACT_UNSPEC: others on the hook go on
            2 => Verdict.Drop, // TC_ACT_SHOT
            7 => Verdict.Redirect, // TC_ACT_REDIRECT
            var code => throw new InvalidOperationException($"the tc program returned {code}"),
        }, result.Frame);

    public static Outcome OfXdp(Link ingress, byte[] came, (int Code, byte[] Frame) result) =>
        new(Hook.Xdp, ingress, came, result.Code switch
        {
            1 => Verdict.Drop, // XDP_DROP
            2 => Verdict.Pass, // XDP_PASS
            3 => Verdict.Transmit, // XDP_TX
            4 => Verdict.Redirect, // XDP_REDIRECT
            var code => throw new InvalidOperationException($"the XDP program returned {code}"),
        }, result.Frame);
}
