namespace EbpfLb.Abi;

/// <summary>Mirror of <c>struct lb_link</c>: an attached interface.</summary>
struct LbLink
{
    Utf8Text16 _name;

    /// <summary>Its own IPv4 address, which NAT may use; zero if it has none.</summary>
    public LbAddress Ip4;

    /// <summary>Its own IPv6 address, which NAT may use; zero if it has none.</summary>
    public LbAddress Ip6;

    /// <summary>As in <c>ip link</c>.</summary>
    public string Name
    {
        readonly get => FixedText.Read(_name);
        set => FixedText.Write(_name, value);
    }
}

[InlineArray(Limits.LinkNameLength)]
struct Utf8Text16
{
    byte _first;
}
