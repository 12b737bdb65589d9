using System.Net;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>Where a fragment stands in its packet.</summary>
/// <param name="Id">The same for all fragments of a packet; IPv4 has its low 16 bits only.</param>
/// <param name="Offset">In bytes, a multiple of eight.</param>
/// <param name="More">Further ones follow.</param>
readonly record struct Piece(uint Id, int Offset, bool More);

/// <summary>A fragment: some bytes of a packet's data, which begin with its header in the first one alone.</summary>
sealed record PieceOfPacket : Packet
{
    readonly byte _protocol;

    public PieceOfPacket(IPEndPoint source, IPEndPoint destination, byte protocol, byte[] data)
        : base(source, destination) => (_protocol, Payload) = (protocol, data);

    public override byte Protocol => _protocol;

    protected override int HeaderLength => 0;
    protected override int? ChecksumOffset => null;

    protected override void WriteHeader(Span<byte> header)
    {
    }
}
