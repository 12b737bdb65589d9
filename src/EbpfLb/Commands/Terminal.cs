namespace EbpfLb.Commands;

/// <summary>What stands at the other end of stdout.</summary>
static class Terminal
{
    /// <summary>Whether it shows colours: a terminal, and NO_COLOR is not set.</summary>
    public static bool HasColours =>
        !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
}
