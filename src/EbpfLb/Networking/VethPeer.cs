using EbpfLb.Native;

namespace EbpfLb.Networking;

/// <summary>
/// The other end of a veth, usually in another network namespace. It silently drops frames that native XDP sends,
/// unless it has NAPI: an XDP program of its own, or GRO.
/// </summary>
static class VethPeer
{
    /// <summary>What to do about a peer that drops.</summary>
    public const string Remedy =
        "On the side of the peer (for a container: on the host; 'ip link' shows its index after the @) "
        + "run 'ethtool -K PEER gro on' or attach an XDP program that passes everything; or use --hook tc";

    /// <summary>True if the peer receives what native XDP sends, or it is no veth; null if unknown.</summary>
    public static bool? ReceivesXdpFrames(int ifindex, string driver) => driver != "veth"
        ? true
        : Netdev.FeaturesOf(ifindex) is { } features ? (features & Netdev.SendsFrames) != 0 : null;
}
