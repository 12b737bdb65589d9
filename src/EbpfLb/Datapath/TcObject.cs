using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>The objects with a tc program. They have the same behaviour on the same tables.</summary>
enum TcObject
{
    /// <summary>Reads the kernel's checksum state of a packet, which saves time.</summary>
    Looking,

    /// <summary>Loads on every supported kernel.</summary>
    Compatible,
}

static class TcObjects
{
    /// <summary>The fastest object that this kernel should load.</summary>
    public static TcObject Best => KernelNeed.Tc.IsMetBy(KernelNeed.Running) && KernelTypes.AreDescribed
        ? TcObject.Looking
        : TcObject.Compatible;

    public static KernelNeed Need(this TcObject which) => which == TcObject.Looking ? KernelNeed.Tc : KernelNeed.TcCompat;
}
