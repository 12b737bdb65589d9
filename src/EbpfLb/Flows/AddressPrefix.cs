using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using EbpfLb.Abi;
using EbpfLb.Configuration;

namespace EbpfLb.Flows;

/// <summary>A network prefix of either address family.</summary>
readonly record struct AddressPrefix
{
    const int Width = 128; // bits; IPv4 addresses are mapped into IPv6
    const int MappedBits = 96;

    readonly UInt128 _first;
    readonly int _bits;

    AddressPrefix(LbAddress address, int bits) => (_first, _bits) = (Begin(address, bits), bits);

    /// <summary>Parses ADDRESS or ADDRESS/BITS; null if the text is neither.</summary>
    public static AddressPrefix? TryParse(string text)
    {
        var slash = text.IndexOf('/');
        if (Syntax.ParseAddress(slash < 0 ? text : text[..slash]) is not { } address)
            return null;
        var mapped = address.AddressFamily == AddressFamily.InterNetwork ? MappedBits : 0;
        var bits = Width - mapped;
        var isFine = slash < 0 || (int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out bits)
            && bits <= Width - mapped);
        return isFine ? new(LbAddress.From(address), mapped + bits) : null;
    }

    public bool Contains(LbAddress address) => Begin(address, _bits) == _first;

    static UInt128 Begin(LbAddress address, int bits)
    {
        var bytes = MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref address, 1));
        // a shift counts modulo the width
        return bits == 0 ? 0 : BinaryPrimitives.ReadUInt128BigEndian(bytes) >> (Width - bits);
    }
}
