using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>The encapsulations of mode tunnel.</summary>
public enum TunnelKind
{
    Ipip,
    Gue,
}

/// <summary>What mode tunnel puts before a packet (RFC 2003, RFC 4213, RFC 2473; GUE variant 1).</summary>
/// <param name="Mode">The encapsulation.</param>
/// <param name="From">The balancer's address.</param>
/// <param name="To">The backend.</param>
sealed record OuterHeader(TunnelKind Mode, IPAddress From, IPAddress To)
{
    public const int GuePort = 6080;

    /// <summary>Every encapsulation to a backend of every family.</summary>
    public static IEnumerable<(TunnelKind Mode, Hosts Outside)> All =>
        from mode in new[] { TunnelKind.Ipip, TunnelKind.Gue }
        from outside in Hosts.OfEachFamily
        select (mode, outside);

    public bool IsIp4 => To.AddressFamily == AddressFamily.InterNetwork;

    public int Length => (IsIp4 ? Ip4Header.MinLength : Ip6Header.MinLength) + (Mode == TunnelKind.Gue ? UdpPacket.MinLength : 0);

    /// <summary>The frame that a packet leaves in.</summary>
    /// <param name="packet">As it came.</param>
    /// <param name="port">The UDP source port, which an IPv6 flow label repeats.</param>
    public byte[] Around(Packet packet, int port)
    {
        var inner = (packet with { Ttl = (byte)(packet.Ttl - 1) }).ToFrame().AsSpan(Packet.EthernetLength);
        var frame = new byte[Packet.EthernetLength + Length + inner.Length];
        var total = Length + packet.IpLength;
        var protocol = Mode == TunnelKind.Gue ? UdpPacket.ProtocolNumber : packet.IsIp4 ? (byte)4 : (byte)41;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), IsIp4 ? Packet.EtherTypeIp4 : Packet.EtherTypeIp6);
        var outer = frame.AsSpan(Packet.EthernetLength, Length);
        if (IsIp4)
            WriteIp4(outer[..Ip4Header.MinLength], packet.TypeOfService, total, protocol);
        else
            WriteIp6(outer[..Ip6Header.MinLength], packet.TypeOfService, total - Ip6Header.MinLength, protocol, port);
        if (Mode == TunnelKind.Gue)
        {
            var udp = outer[^UdpPacket.MinLength..];
            BinaryPrimitives.WriteUInt16BigEndian(udp, (ushort)port);
            BinaryPrimitives.WriteUInt16BigEndian(udp[2..], GuePort);
            BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)(UdpPacket.MinLength + packet.IpLength));
        }
        inner.CopyTo(frame.AsSpan(Packet.EthernetLength + Length));
        return frame;
    }

    void WriteIp4(Span<byte> header, byte typeOfService, int length, byte protocol)
    {
        header[0] = 0x45;
        header[1] = typeOfService;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], (ushort)Ip4Control.DontFragment);
        header[8] = 64;
        header[9] = protocol;
        From.TryWriteBytes(header[12..], out _);
        To.TryWriteBytes(header[16..], out _);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], InternetChecksum.Compute(header));
    }

    void WriteIp6(Span<byte> header, byte trafficClass, int length, byte protocol, int label)
    {
        BinaryPrimitives.WriteUInt32BigEndian(header, 6u << 28 | (uint)trafficClass << 20 | (uint)label);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)length);
        header[6] = protocol;
        header[7] = 64;
        From.TryWriteBytes(header[8..], out _);
        To.TryWriteBytes(header[24..], out _);
    }
}
