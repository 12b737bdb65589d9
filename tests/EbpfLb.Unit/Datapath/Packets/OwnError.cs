namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>The errors that the balancer makes itself, as a router would (RFC 1812, 4.3.2; RFC 4443, 2.4 and 3).</summary>
static class OwnError
{
    public static IcmpError TimeExceeded(Packet packet) => About(packet, IcmpSays.TimeExceeded, 0);

    public static IcmpError NoRoute(Packet packet) => About(packet, IcmpSays.NetworkUnreachable, 0);

    /// <param name="packet">What is too big.</param>
    /// <param name="mtu">What the way on takes, in bytes.</param>
    public static IcmpError TooBig(Packet packet, int mtu) => About(packet, IcmpSays.FragmentationNeeded, (uint)mtu);

    /// <summary>From the address that the packet's sender addressed, back to the neighbour that it came from.</summary>
    static IcmpError About(Packet packet, IcmpSays says, uint mtu) =>
        new(packet.Destination.Address, says, packet)
        {
            Mtu = mtu,
            QuotedLength = Math.Min(packet.IpLength, packet.IsIp4 ? 548 : 1232),
            TypeOfService = (byte)(packet.IsIp4 ? 0xc0 : 0),
            Identification = 0,
            SourceMac = packet.DestinationMac ?? Mac.From(packet.Destination.Address),
            DestinationMac = packet.SourceMac ?? Mac.From(packet.Source.Address),
        };
}
