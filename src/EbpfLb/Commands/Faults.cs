using EbpfLb.Configuration;

namespace EbpfLb.Commands;

/// <summary>Reports the faults of a configuration.</summary>
static class Faults
{
    /// <summary>One line for each; returns the exit code.</summary>
    public static int Report(IEnumerable<Fault> faults, TextWriter error)
    {
        foreach (var fault in faults)
            error.WriteLine($"error: {fault}");
        return ExitCode.Usage;
    }
}
