using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>The objects that have the program for the tc hook. They do the same, on the same tables.</summary>
enum TcObject
{
    /// <summary>The one that does it in the least time on this kernel.</summary>
    Best,

    /// <summary>The one that any kernel can load.</summary>
    Compatible,
}

static class TcObjects
{
    /// <summary>Without its suffix.</summary>
    public static string Name(this TcObject which) => which == TcObject.Best && TellsOfSums ? "lb_tc" : "lb_tc_compat";

    /// <summary>Whether the kernel lets a program see how it knows a packet's checksum.</summary>
    static bool TellsOfSums => OperatingSystem.IsOSPlatformVersionAtLeast("Linux", 6, 2) && KernelTypes.AreDescribed;
}
