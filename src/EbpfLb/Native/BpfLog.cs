using System.Runtime.InteropServices;
using System.Text;

namespace EbpfLb.Native;

/// <summary>
/// Collects what libbpf prints on this thread, the verifier's log above all, so that a failure can quote it.
/// Nothing of it reaches the terminal by itself.
/// </summary>
static unsafe class BpfLog
{
    [ThreadStatic]
    static StringBuilder? _lines;

    /// <summary>Starts a fresh log on this thread.</summary>
    public static StringBuilder Begin() => _lines = new StringBuilder();

    /// <summary>The line that says most: the verifier's last word, or libbpf's last warning that gives a reason.</summary>
    public static string? Summary(StringBuilder log)
    {
        var lines = log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var verdict = Array.FindLastIndex(lines, line => line.StartsWith("processed ", StringComparison.Ordinal));
        return verdict > 0 ? lines[verdict - 1] : lines.LastOrDefault(GivesReason);
    }

    /// <summary>Every failed load ends with a line that only says so.</summary>
    static bool GivesReason(string line) => !line.StartsWith("libbpf: failed to load object", StringComparison.Ordinal);

    /// <summary>libbpf's print callback (libbpf_print_fn_t).</summary>
    [UnmanagedCallersOnly]
    public static int Print(int level, byte* format, nint arguments)
    {
        const int debug = 2;
        if (level >= debug || _lines is null)
            return 0;
        var buffer = new byte[64 * 1024];
        fixed (byte* text = buffer)
        {
            var written = LibC.vsnprintf(text, (nuint)buffer.Length, format, arguments);
            _lines.Append(Encoding.UTF8.GetString(buffer, 0, Math.Min(Math.Max(written, 0), buffer.Length - 1)));
        }
        return 0;
    }
}
