namespace EbpfLb.Commands;

/// <summary>Properties of the terminal at standard output.</summary>
static class Terminal
{
    /// <summary>True if the output is standard output, and that is a terminal.</summary>
    public static bool Is(TextWriter output) => output == StandardOutput.Writer && !Console.IsOutputRedirected;

    /// <summary>True on a terminal, unless NO_COLOR is set.</summary>
    public static bool HasColours(TextWriter output) =>
        Is(output) && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    /// <summary>The width of the terminal in characters; null if the output is none, or its width is unknown.</summary>
    public static int? WidthOf(TextWriter output) => Is(output) && Console.WindowWidth is > 0 and var width ? width : null;

    /// <summary>Waits until the user types 'q'; for ever if there is no keyboard.</summary>
    public static Task WhenQuitAsync() => Console.IsInputRedirected
        ? new TaskCompletionSource().Task
        : Task.Factory.StartNew(() =>
        {
            while (Console.ReadKey(intercept: true).KeyChar is not ('q' or 'Q'))
            {
            }
        }, TaskCreationOptions.LongRunning);
}
