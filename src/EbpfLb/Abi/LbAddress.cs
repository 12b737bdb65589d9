namespace EbpfLb.Abi;

/// <summary>
/// Mirror of <c>struct lb_address</c>: an IPv6 address in network byte order, or an IPv4 address
/// mapped into one (<c>::ffff:a.b.c.d</c>, RFC 4291 section 2.5.5.2).
/// </summary>
[StructLayout(LayoutKind.Sequential)]
record struct LbAddress
{
    static readonly LbWords MappedV4 = From(IPAddress.Any)._word;

    LbWords _word;

    public static LbAddress From(IPAddress address)
    {
        var result = default(LbAddress);
        address.MapToIPv6().TryWriteBytes(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref result, 1)), out _);
        return result;
    }

    /// <summary>The address as people write it: mapped ones come back as IPv4.</summary>
    public readonly IPAddress ToIPAddress()
    {
        var self = this;
        var address = new IPAddress(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref self, 1)));
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    /// <summary>Its bit in the address filter, as <c>address_filter_bit()</c> of <c>bpf/address_filter.h</c>.</summary>
    public readonly uint FilterBit => unchecked((_word.W0 ^ _word.W1 ^ _word.W2 ^ _word.W3) * 0x9e3779b1u) >> 20;

    public readonly AddressFamily Family => _word is { W0: 0, W1: 0 } && _word.W2 == MappedV4.W2
        ? AddressFamily.InterNetwork
        : AddressFamily.InterNetworkV6;

    public override readonly string ToString() => ToIPAddress().ToString();

    record struct LbWords(uint W0, uint W1, uint W2, uint W3);
}
