using System.Net;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Tells whether what became of an arbitrary frame can be justified.</summary>
sealed class Judge(IPEndPoint[] services, IPEndPoint[] backends)
{
    /// <summary>Whoever has asked a service.</summary>
    readonly HashSet<(byte Protocol, IPEndPoint Client)> _clients = [];

    /// <summary>How many frames were sent on so far.</summary>
    public int SentOn { get; private set; }

    /// <summary>What is wrong; null when nothing is.</summary>
    public string? FaultOf(Outcome outcome)
    {
        var came = new Frame(outcome.Came);
        if (came.HasPorts && services.Contains(came.Destination))
            _clients.Add((came.Ip!.Protocol, came.Source));
        switch (outcome.Verdict)
        {
            case Verdict.Pass:
                return came.Bytes.SequenceEqual(outcome.Left) ? null : "passed, but changed";
            case Verdict.Drop:
                return came.Ip is { Ttl: <= 1 } || IsTooLarge(outcome) || MayFindNoRoute(came)
                    ? null
                    : "dropped, though its time is not up";
            default:
                SentOn++;
                return FaultOfSent(outcome.Hook, came, new Frame(outcome.Left));
        }
    }

    static bool IsTooLarge(Outcome outcome) => outcome.Came.Length > TestNetwork.Far.Mtu + Packet.EthernetLength;

    /// <summary>A client may have come with an address that is nobody's: what answers him then goes nowhere.</summary>
    bool MayFindNoRoute(Frame came) =>
        came.Ip is { } ip && IsBackend(came is { IsIcmp: true, Quote.Ip: { } quoted } ? quoted.Destination : ip.Source);

    string? FaultOfSent(Hook hook, Frame came, Frame left)
    {
        if (hook == Hook.Tc && came is { HasPorts: true, Ip.Ttl: <= 1 })
            return FaultOfAnswer(came, left);
        if (hook == Hook.Tc && came.HasPorts && left.IsIcmp && MayFindNoRoute(came))
            return FaultOfAnswer(came, left);
        if (came.Ip is null || left.SegmentOffset != came.SegmentOffset || left.Bytes.Length != came.Bytes.Length)
            return "sent on with another shape";
        if (left.Ip!.Ttl != came.Ip.Ttl - 1)
            return "sent on with the wrong TTL";
        if (left.Ip.ChecksumIsRight != came.Ip.ChecksumIsRight)
            return "the IP checksum's rightness changed";
        if (!RewriteMask.Rest(came).AsSpan().SequenceEqual(RewriteMask.Rest(left)))
            return "bytes changed that no rewrite has to change";
        if (came.IsLaterFragment)
            return FaultOfLaterFragment(came, left);
        if (!came.HasPorts && !came.IsIcmp)
            return "sent on, though it has no ports to go by";
        if (!ChecksumsAgree(hook, came, left))
            return $"the checksum was {came.L4Checksum} and became {left.L4Checksum}";
        return came.IsIcmp ? FaultOfError(came, left) : FaultOfAddresses(came, left);
    }

    /// <summary>
    /// Absent stays absent; what looks left to hardware stays so on XDP, which leaves alone what may be either; any
    /// other sum stays as right or as wrong as it was, to the bit.
    /// </summary>
    static bool ChecksumsAgree(Hook hook, Frame came, Frame left)
    {
        if (came.L4Checksum == L4Checksum.None || left.L4Checksum == L4Checksum.None)
            return came.L4Checksum == left.L4Checksum;
        if (hook == Hook.Xdp && came.LooksPartial)
            return left.LooksPartial && came.L4Checksum == L4Checksum.Partial;
        return came.SegmentSum == left.SegmentSum;
    }

    string? FaultOfAddresses(Frame came, Frame left)
    {
        if (services.Contains(came.Destination))
        {
            if (!backends.Contains(left.Destination))
                return "a client's packet went to no backend";
            return left.Ip!.Source.Equals(came.Ip!.Destination) && left.Source.Port is >= 1024 and < 61000
                ? null
                : "a client's packet went out under no NAT end";
        }
        if (!backends.Contains(came.Source))
            return "sent on, though it is neither a client's nor a backend's";
        return services.Contains(left.Source) && _clients.Contains((left.Ip!.Protocol, left.Destination))
            ? null
            : "a backend's packet went to no client";
    }

    string? FaultOfLaterFragment(Frame came, Frame left)
    {
        if (IsBackend(left.Ip!.Destination))
            return null;
        return IsClient(left.Ip.Destination) && IsBackend(came.Ip!.Source)
            ? null
            : "a later fragment went to neither a backend nor, from one, to a client";
    }

    /// <summary>To who sent the packet, from the address that he addressed, and quoting it as he sent it.</summary>
    static string? FaultOfAnswer(Frame came, Frame left)
    {
        if (!left.IsIcmp || !left.Ip!.ChecksumIsRight)
            return "answered with something that is no sound error";
        if (!left.Ip.Source.Equals(came.Ip!.Destination) || !left.Ip.Destination.Equals(came.Ip.Source))
            return "answered to somebody else";
        var onTheWire = came.LooksPartial ? Hardware.FinishQuote(left, came) : left;
        if (onTheWire.SegmentSum != 0xffff)
            return "answered with a wrong checksum";
        var quote = left.Segment[IcmpError.HeaderLengthOfBoth..];
        if (quote.Length < Math.Min(came.Ip.PacketLength, 548))
            return "answered with too short a quote";
        var sent = came.Bytes[Packet.EthernetLength..];
        if (came.LooksPartial && quote.Length < came.Ip.PacketLength)
            return null; // The quoted checksum is nobody's.
        return quote.SequenceEqual(sent[..quote.Length]) ? null : "answered with a wrong quote";
    }

    /// <summary>An error must go to who sent the quoted packet, and quote it as that one sent it.</summary>
    string? FaultOfError(Frame came, Frame left)
    {
        if (came.Quote.Ip is not { } told || !told.Source.Equals(came.Ip!.Destination))
            return "an error was sent on that its destination has no part in";
        var quote = left.Quote.Ip;
        if (quote is null || !quote.Source.Equals(left.Ip!.Destination))
            return "an error went to somebody who did not send what it quotes";
        return IsBackend(quote.Source) || (IsClient(quote.Source) && IsService(quote.Destination))
            ? null
            : "an error went to neither backend nor client";
    }

    bool IsBackend(IPAddress address) => backends.Any(backend => backend.Address.Equals(address));

    bool IsService(IPAddress address) => services.Any(service => service.Address.Equals(address));

    bool IsClient(IPAddress address) => _clients.Any(client => client.Client.Address.Equals(address));
}
