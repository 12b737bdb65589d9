namespace EbpfLb.Lab;

/// <summary>How a command ended and what it printed.</summary>
public sealed record Output(string Command, long ExitCode, string Stdout, string Stderr)
{
    const string Fault = "error: ";

    public bool Succeeded => ExitCode == 0;

    /// <summary>The sentences about faults, without the word that begins them.</summary>
    public IReadOnlyList<string> Faults =>
    [
        .. Stderr.Split('\n').Where(line => line.StartsWith(Fault, StringComparison.Ordinal))
            .Select(line => line[Fault.Length..]),
    ];

    public override string ToString() =>
        $"""
        '{Command}' ended with exit code {ExitCode}
        stdout: {Stdout.TrimEnd()}
        stderr: {Stderr.TrimEnd()}
        """;
}
