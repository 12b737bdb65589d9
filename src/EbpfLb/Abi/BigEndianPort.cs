using System.Buffers.Binary;

namespace EbpfLb.Abi;

/// <summary>Mirror of <c>__be16</c> of a port: network byte order in memory, host order to callers.</summary>
readonly record struct BigEndianPort
{
    readonly ushort _raw;

    BigEndianPort(ushort raw) => _raw = raw;

    /// <summary>The port in host byte order.</summary>
    public ushort Value => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(_raw) : _raw;

    public static BigEndianPort From(ushort port) =>
        new(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(port) : port);

    public override string ToString() => $"{Value}";
}
