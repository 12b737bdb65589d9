using System.Runtime.InteropServices;

namespace EbpfLb.Abi;

/// <summary>
/// Mirror of <c>struct lb_socket</c>: an open socket that was connected to a backend. The source of both tuples is zero
/// until TCP connects.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
record struct LbSocket
{
    /// <summary>To the service, as the program asked for it.</summary>
    public LbTuple Client;

    /// <summary>To the backend, as the kernel connects it.</summary>
    public LbTuple Rewritten;

    /// <summary>Nanoseconds of CLOCK_MONOTONIC.</summary>
    public ulong OpenedNs;
    public ushort Service;
    public ushort Backend;
#pragma warning disable IDE0051, CS0169 // Named padding.
    readonly uint _zero;
#pragma warning restore IDE0051, CS0169
}
