namespace EbpfLb.Abi;

/// <summary>Mirror of <c>struct lb_link_layer</c>: which frames are for an attached interface.</summary>
record struct LbLinkLayer
{
    /// <summary>0: the element is free, and so are those behind it.</summary>
    public uint Ifindex;
    public EthernetAddress Address;

    /// <summary>1 if the card may remove VLAN tags, and the host has VLANs on it.</summary>
    public byte HidesTags;

    /// <summary>1 if packets come without an Ethernet header: tun, WireGuard, ipip, ppp.</summary>
    public byte IsBare;
}
