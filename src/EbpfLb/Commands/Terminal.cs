namespace EbpfLb.Commands;

/// <summary>Properties of the terminal at standard output.</summary>
static class Terminal
{
    /// <summary>True on a terminal, unless NO_COLOR is set.</summary>
    public static bool HasColours =>
        !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
}
