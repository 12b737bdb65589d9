using EbpfLb.Native;

namespace EbpfLb.Networking;

/// <summary>What the frames of an interface begin with.</summary>
/// <param name="IsEthernet">False for tun, WireGuard, ipip, ppp and the like: their packets have no header before IP.</param>
/// <param name="HidesTags">True if the card removes the tags of VLANs on the interface: XDP sees their packets untagged.</param>
sealed record LinkLayer(bool IsEthernet, byte[] Address, bool HidesTags)
{
    const string Vlans = "/proc/thread-self/net/vlan/config"; // absent if the kernel has no VLANs

    /// <exception cref="LoadBalancerException">There is no such interface.</exception>
    public static LinkLayer Read(string device)
    {
        var (type, address) = Ethtool.HardwareAddressOf(device);
        var hides = HasVlan(ProcFile.Lines(Vlans), device) && Ethtool.HidesVlanTags(device);
        return new(type == Ethtool.TypeEthernet, address, hides);
    }

    /// <summary>From lines of vlan/config: the VLAN interface, its VLAN and the interface that it is on, between bars.</summary>
    public static bool HasVlan(IEnumerable<string> lines, string device) =>
        lines.Any(line => line.Split('|') is [_, _, var parent] && parent.Trim() == device);
}
