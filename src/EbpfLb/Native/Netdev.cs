namespace EbpfLb.Native;

/// <summary>XDP features of a device over generic netlink: family "netdev" (linux/netdev.h, kernel 6.3).</summary>
static class Netdev
{
    /// <summary>The device transmits frames that are redirected to it (NETDEV_XDP_ACT_NDO_XMIT).</summary>
    public const ulong SendsFrames = 1 << 2;

    const int NetlinkGeneric = 16;
    const ushort Controller = 16; // GENL_ID_CTRL
    const byte GetFamily = 3; // CTRL_CMD_GETFAMILY
    const ushort FamilyId = 1, FamilyName = 2; // CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME
    const byte GetDevice = 1; // NETDEV_CMD_DEV_GET
    const ushort Ifindex = 1, XdpFeatures = 3; // NETDEV_A_DEV_IFINDEX, NETDEV_A_DEV_XDP_FEATURES
    const int GenericHeader = 4; // struct genlmsghdr

    /// <summary>The device's XDP features; null if the kernel does not report them.</summary>
    public static ulong? FeaturesOf(int ifindex)
    {
        using var netlink = new Netlink(NetlinkGeneric, "reading the XDP features");
        var family = Query(netlink, Controller, GetFamily, FamilyName, "netdev\0"u8, FamilyId);
        if (family.IsEmpty)
            return null;
        var features = Query(
            netlink, MemoryMarshal.Read<ushort>(family), GetDevice, Ifindex, BitConverter.GetBytes(ifindex), XdpFeatures);
        return features.IsEmpty ? null : MemoryMarshal.Read<ulong>(features);
    }

    /// <summary>Sends a request with one attribute; returns the wanted attribute of the answer, or nothing.</summary>
    static ReadOnlySpan<byte> Query(
        Netlink netlink, ushort family, byte command, ushort attribute, ReadOnlySpan<byte> value, ushort wanted)
    {
        const byte Version = 1;
        netlink.Send(family, Netlink.Request, Netlink.WithAttribute([command, Version, 0, 0], attribute, value));
        var answer = netlink.Receive();
        return Netlink.TypeOf(answer) == Netlink.Error
            ? [] : Netlink.FindAttribute(answer[(Netlink.Header + GenericHeader)..], wanted);
    }
}
