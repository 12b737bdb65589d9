namespace EbpfLb.Providers.Containers;

/// <summary>Signal numbers by name (signal(7), x86 and ARM).</summary>
static class StopSignal
{
    public const int Kill = 9;

    /// <summary>The default stop signal.</summary>
    public const int Terminate = 15;

    const int FirstRealTime = 34; // the C library reserves two

    static readonly string[] Names =
    [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
        "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
        "PWR", "SYS",
    ];

    /// <summary>The number of a signal written as SIGQUIT, QUIT, 3 or SIGRTMIN+3; SIGTERM for no text.</summary>
    /// <returns>0, which no signal has, for any other text.</returns>
    public static int Number(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return Terminate;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return number;
        var name = text.StartsWith("SIG", StringComparison.OrdinalIgnoreCase) ? text[3..] : text;
        if (name.StartsWith("RTMIN+", StringComparison.OrdinalIgnoreCase)
            && int.TryParse(name.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
            return FirstRealTime + offset;
        return 1 + Array.FindIndex(Names, known => known.Equals(name, StringComparison.OrdinalIgnoreCase));
    }
}
