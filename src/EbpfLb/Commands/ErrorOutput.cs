using EbpfLb.Configuration;

namespace EbpfLb.Commands;

/// <summary>Reports the errors of a configuration.</summary>
static class ErrorOutput
{
    /// <summary>Writes one line per error. Returns the exit code.</summary>
    public static int Write(IEnumerable<ConfigurationError> errors, TextWriter error)
    {
        foreach (var problem in errors)
            error.WriteLine($"error: {problem}");
        return ExitCode.Usage;
    }
}
