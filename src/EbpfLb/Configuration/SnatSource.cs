namespace EbpfLb.Configuration;

/// <summary>The source address of packets to backends in mode nat.</summary>
/// <param name="Word">A word; null for an address.</param>
/// <param name="Address">Null unless it is an address.</param>
readonly record struct SnatSource(string? Word, IPAddress? Address)
{
    /// <summary>The service's address; as <see cref="Interface"/> for backends behind another interface than the client's.</summary>
    public const string Service = "service";

    /// <summary>That of the interface that the packet leaves by.</summary>
    public const string Interface = "interface";

    public static readonly SettingType<SnatSource> Type = new("SOURCE", "service, interface, or an address of each IP version", Parse)
    {
        Format = source => source.ToString(),
    };

    /// <summary>Null for a word.</summary>
    public AddressFamily? Family => Address?.AddressFamily;

    public override string ToString() => Word ?? $"{Address}";

    static Parsed<SnatSource> Parse(string text)
    {
        if (text is Service or Interface)
            return new SnatSource(text, null);
        if (Syntax.ParseAddress(text) is not { } address)
            return new SyntaxError("is no source of packets to backends", "Use service, interface, or an address as 192.0.2.11 or 2001:db8::11");
        return Syntax.CheckUnicast(address) is { } error
            ? error with { Remedy = "Use an address of this host that its backends reach, or interface" }
            : new SnatSource(null, address);
    }
}
