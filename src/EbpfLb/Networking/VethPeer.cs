using EbpfLb.Native;

namespace EbpfLb.Networking;

/// <summary>
/// The other end of a veth, mostly in a network namespace that cannot be looked into from here. What native XDP sends
/// back comes to it, and it drops that, silently, unless it has NAPI: an XDP program of its own, or GRO on.
/// </summary>
static class VethPeer
{
    /// <summary>What a peer lacks that drops, and what to do about it.</summary>
    public const string Remedy =
        "Where its peer is (for a container: on the host; 'ip link' shows its index after the @) "
        + "run 'ethtool -K PEER gro on' or attach an XDP program that passes everything, or take --hook tc";

    /// <summary>Whether it takes what native XDP sends, or null where the kernel does not tell; no veth, no peer: true.</summary>
    public static bool? ReceivesXdpFrames(int ifindex, string driver) => driver != "veth"
        ? true
        : Netdev.FeaturesOf(ifindex) is { } features ? (features & Netdev.SendsFrames) != 0 : null;
}
