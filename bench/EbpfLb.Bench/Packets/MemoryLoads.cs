using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EbpfLb.Bench.Packets;

/// <summary>
/// What a load from memory costs that waits for the one before, at random places of an area that no cache holds. Pages
/// have 4 kB there, as those of the kernel's tables.
/// </summary>
sealed unsafe partial class MemoryLoads : IDisposable
{
    const int Line = 64, Page = 4096; // bytes
    const int NoHugePages = 15; // MADV_NOHUGEPAGE of linux/mman.h

    readonly nuint* _lines;
    nuint* _next;

    /// <param name="bytes">The area's size.</param>
    public MemoryLoads(nuint bytes)
    {
        _lines = (nuint*)NativeMemory.AlignedAlloc(bytes, Page);
        if (Advise(_lines, bytes, NoHugePages) != 0)
            throw new InvalidOperationException($"madvise failed: {Marshal.GetLastPInvokeErrorMessage()}");
        var order = new int[bytes / Line];
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        Random.Shared.Shuffle(order);
        // One cycle through all lines: each holds the address of the next.
        for (var i = 0; i < order.Length; i++)
            *At(order[i]) = (nuint)At(order[(i + 1) % order.Length]);
        _next = _lines;
    }

    /// <summary>Nanoseconds for a load.</summary>
    public double Measure(int times)
    {
        var next = _next;
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < times; i++)
            next = (nuint*)*next;
        var took = Stopwatch.GetElapsedTime(began);
        _next = next;
        return took.TotalNanoseconds / times;
    }

    public void Dispose() => NativeMemory.AlignedFree(_lines);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(void* at, nuint bytes, int advice);

    nuint* At(int line) => _lines + ((nuint)line * Line / (nuint)sizeof(nuint));
}
