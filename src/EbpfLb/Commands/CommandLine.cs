using System.CommandLine;
using System.CommandLine.Invocation;
using EbpfLb.Datapath;
using EbpfLb.Doctor;

namespace EbpfLb.Commands;

/// <summary>The command line: its commands, and how failures become messages and exit codes.</summary>
static class CommandLine
{
    public static readonly Option<bool> Verbose = new("--verbose")
    {
        Description = "Log more, and show where failures come from",
        Recursive = true,
    };

    public static RootCommand Create(RunLoadBalancer run)
    {
        var root = new RootCommand("Balances TCP and UDP in the Linux kernel with eBPF.")
        {
            RunCommand.Create(run), CheckCommand.Create(), StatusCommand.Create(), HealthyCommand.Create(), FlowsCommand.Create(), WatchCommand.Create(),
            DoctorCommand.Create(HostProbe.Collect), DetachCommand.Create(), DecapsulateCommand.Create(), Verbose,
        };
        Help.ShowExamples(root);
        return root;
    }

    /// <summary>Parses and runs. Every failure is one line on <paramref name="error"/>. Returns the exit code.</summary>
    public static async Task<int> InvokeAsync(
        RootCommand root, string[] arguments, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        var parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0 && parsed.Action is ParseErrorAction)
        {
            var command = $"ebpf-lb {Help.CommandOf(parsed)}".TrimEnd();
            foreach (var problem in UsageErrors.Describe(parsed))
                await error.WriteLineAsync($"error: {problem} See '{command} --help'.");
            return ExitCode.Usage;
        }

        var invocation = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        try
        {
            return await parsed.InvokeAsync(invocation, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return ExitCode.Ok;
        }
        catch (OutputGoneException)
        {
            return ExitCode.Ok; // the reader of standard output has closed it
        }
        catch (Exception exception)
        {
            await error.WriteLineAsync($"error: {Describe(exception)}");
            if (parsed.GetValue(Verbose))
                await error.WriteLineAsync($"{KernelLog(exception)}{exception}");
            return ExitCode.Failed;
        }
    }

    /// <summary>What the kernel logged about a failure or its cause; empty if nothing.</summary>
    static string KernelLog(Exception? exception) => exception switch
    {
        null => "",
        LoadBalancerException { Log: { } log } => log,
        _ => KernelLog(exception.InnerException),
    };

    /// <summary>Writes errors, one on each line.</summary>
    /// <param name="code">For when there are some.</param>
    /// <returns>The exit code.</returns>
    public static int Report<T>(IReadOnlyCollection<T> errors, TextWriter output, int code)
    {
        foreach (var error in errors)
            output.WriteLine($"error: {error}");
        return errors.Count == 0 ? ExitCode.Ok : code;
    }

    /// <summary>A failure as a sentence.</summary>
    public static string Describe(Exception exception) => exception switch
    {
        LoadBalancerException or IOException or DllNotFoundException => exception.Explain(),
        _ => DescribeUnexpected(exception),
    };

    static string DescribeUnexpected(Exception exception)
    {
        var end = exception.Message is [.., var last] && char.IsLetterOrDigit(last) ? "." : "";
        return $"internal error: {exception.GetType().Name}: {exception.Message}{end} "
            + "Run it again with --verbose, and report what it prints.";
    }
}
