using System.Diagnostics;

namespace EbpfLb.Mutants;

/// <summary>Runs a command to its end, or to a limit.</summary>
static class Command
{
    /// <summary>What it prints.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Read(string directory, string name, params string[] arguments)
    {
        var (code, output) = Run(directory, TimeSpan.FromMinutes(1), name, arguments);
        return code == 0 ? output : throw new InvalidOperationException($"`{name} {string.Join(' ', arguments)}` failed: {output}");
    }

    /// <summary>Its exit code, null where it did not end in time and was killed, and all that it printed.</summary>
    /// <remarks>It prints to a file: a compiler server that it leaves behind would keep a pipe open.</remarks>
    public static (int? Code, string Output) Run(string directory, TimeSpan limit, string name, params string[] arguments)
    {
        var printed = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo("sh", ["-c", "exec \"$@\" >\"$0\" 2>&1 </dev/null", printed, name, .. arguments])
            {
                WorkingDirectory = directory,
            };
            using var process = Process.Start(start)!;
            var ended = process.WaitForExit(limit);
            if (!ended)
                process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return (ended ? process.ExitCode : null, File.ReadAllText(printed));
        }
        finally
        {
            File.Delete(printed);
        }
    }
}
