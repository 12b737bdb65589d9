using System.Runtime.InteropServices;

namespace EbpfLb.Abi;

/// <summary>Mirror of <c>struct lb_settings</c>: constants of the program, set before it is loaded. Host byte order.</summary>
[StructLayout(LayoutKind.Sequential)]
record struct LbSettings
{
    public ushort NatPortMin;
    public ushort NatPortMax;

    /// <summary>First port of the local stack's own range, which NAT leaves alone.</summary>
    public ushort LocalPortMin;
    public ushort LocalPortMax;
    public LbEventLevel EventLevel;

    /// <summary>ICMP errors of the balancer's own that each processor may send in a second; 0 for no limit.</summary>
    public uint IcmpPerSecond;

    /// <summary>1 where the kernel tells with a route which address to send from (Linux 6.7), else 0.</summary>
    public uint FibLookupSrc;
}
