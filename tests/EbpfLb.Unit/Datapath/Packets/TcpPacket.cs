using System.Buffers.Binary;
using System.Net;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>The control bits of a TCP header.</summary>
[Flags]
public enum Tcp : byte
{
    None = 0,
    Fin = 0x01,
    Syn = 0x02,
    Rst = 0x04,
    Psh = 0x08,
    Ack = 0x10,
    Urg = 0x20,
    Ece = 0x40,
    Cwr = 0x80,
}

/// <summary>A TCP segment (RFC 9293, 3.1).</summary>
sealed record TcpPacket(IPEndPoint Source, IPEndPoint Destination, Tcp Flags) : Packet(Source, Destination)
{
    public const byte ProtocolNumber = 6;
    public const int MinLength = 20;

    const uint First = 0x5eed0001;

    /// <summary>Of a SYN, or the next one after it, unless another is given.</summary>
    public uint Sequence { get; init; } = Flags.HasFlag(Tcp.Syn) ? First : First + 1;

    /// <summary>Acknowledges a SYN of the other side's, unless another is given.</summary>
    public uint Acknowledgment { get; init; } = Flags.HasFlag(Tcp.Ack) ? First + 1 : 0;
    public ushort Window { get; init; } = 64240;

    /// <summary>A multiple of four bytes, at most 40.</summary>
    public byte[] Options { get; init; } = [];

    /// <summary>In units of 4 bytes, as the header has it.</summary>
    public int? ClaimedHeaderWords { get; init; }

    public override byte Protocol => ProtocolNumber;

    protected override int HeaderLength => MinLength + Options.Length;
    protected override int? ChecksumOffset => 16;

    protected override void WriteHeader(Span<byte> header)
    {
        BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)Source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)Destination.Port);
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(header[8..], Acknowledgment);
        header[12] = (byte)((ClaimedHeaderWords ?? header.Length / 4) << 4);
        header[13] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(header[14..], Window);
        Options.CopyTo(header[MinLength..]);
    }
}
