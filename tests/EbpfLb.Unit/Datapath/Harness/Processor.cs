using System.ComponentModel;
using System.Runtime.InteropServices;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Where a thread runs: what the programs keep per processor depends on it.</summary>
static unsafe partial class Processor
{
    const int MaskBytes = 128; // 1024 processors, as the C library's cpu_set_t

    /// <summary>Keeps the calling thread on the processor that it is on, for as long as it lives.</summary>
    public static void Keep()
    {
        var mask = stackalloc byte[MaskBytes];
        var processor = sched_getcpu();
        mask[processor / 8] = (byte)(1 << (processor % 8));
        if (sched_setaffinity(0, MaskBytes, mask) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "keeping a thread on its processor");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_getcpu();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_setaffinity(int thread, nuint size, byte* mask);
}
