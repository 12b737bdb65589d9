namespace EbpfLb.Native;

/// <summary>
/// Collects libbpf's warnings on this thread, the verifier's log among them. libbpf asks for that log when a program does
/// not load, and doubles its buffer until the whole log fits. Nothing reaches the terminal from here.
/// </summary>
static unsafe class BpfLog
{
    [ThreadStatic]
    static StringBuilder? _lines;

    /// <summary>Starts collecting on this thread.</summary>
    public static void Begin() => _lines = new StringBuilder();

    /// <summary>Stops collecting, and returns everything since <see cref="Begin"/>.</summary>
    public static string End()
    {
        var text = _lines?.ToString() ?? "";
        _lines = null;
        return text;
    }

    /// <summary>libbpf's last warning that gives a reason, or null.</summary>
    public static string? Summary(string log) => log
        .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault(GivesReason);

    /// <summary>Every failed load ends with a line that only says that it failed; the verifier's own lines have no prefix.</summary>
    static bool GivesReason(string line) =>
        line.StartsWith("libbpf: ", StringComparison.Ordinal)
        && !line.StartsWith("libbpf: failed to load object", StringComparison.Ordinal)
        && !line.EndsWith(" PROG LOAD LOG --", StringComparison.Ordinal);

    /// <summary>libbpf's print callback (libbpf_print_fn_t). The verifier's log is one call, of any length.</summary>
    [UnmanagedCallersOnly]
    public static int Print(int level, byte* format, nint arguments)
    {
        const int debug = 2;
        byte* text = null;
        if (level >= debug || _lines is null || LibC.vasprintf(&text, format, arguments) is not (> 0 and var length))
            return 0;
        _lines.Append(Encoding.UTF8.GetString(text, length));
        NativeMemory.Free(text);
        return 0;
    }
}
