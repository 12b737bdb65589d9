using System.Diagnostics;

namespace EbpfLb.Lab.Engine;

/// <summary>A command of the machine that the tests run on.</summary>
static class HostCommand
{
    const int LinesOfFailure = 20;

    /// <summary>The last line of the command's output.</summary>
    /// <exception cref="LabException">The command failed or took too long; says the last it printed.</exception>
    public static async Task<string> RunAsync(string command, string[] arguments, TimeSpan patience)
    {
        var line = $"{command} {string.Join(' ', arguments)}";
        using var process = Process.Start(new ProcessStartInfo(command, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        using var deadline = new CancellationTokenSource(patience);
        var stdout = process.StandardOutput.ReadToEndAsync(deadline.Token);
        var stderr = process.StandardError.ReadToEndAsync(deadline.Token);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new LabException($"'{line}' took more than {patience}");
        }
        return process.ExitCode == 0
            ? (await stdout).TrimEnd().Split('\n')[^1]
            : throw new LabException(
                $"""
                '{line}' failed with exit code {process.ExitCode}:
                {Tail(await stdout)}
                {Tail(await stderr)}
                """);
    }

    static string Tail(string text) => string.Join('\n', text.TrimEnd().Split('\n').TakeLast(LinesOfFailure));
}
