using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>The objects that have the program for the tc hook. They do the same, on the same tables.</summary>
enum TcObject
{
    /// <summary>The one that looks how the kernel knows a packet's checksum, which saves time.</summary>
    Looking,

    /// <summary>The one that any kernel can load.</summary>
    Compatible,
}

static class TcObjects
{
    /// <summary>What this kernel should be able to load that takes the least time.</summary>
    public static TcObject Best => KernelNeed.Tc.IsMetBy(KernelNeed.Running) && KernelTypes.AreDescribed
        ? TcObject.Looking
        : TcObject.Compatible;

    public static KernelNeed Need(this TcObject which) => which == TcObject.Looking ? KernelNeed.Tc : KernelNeed.TcCompat;
}
