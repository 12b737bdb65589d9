using System.Diagnostics;
using System.Threading.Channels;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Reconcile;

/// <summary>The runner as a process of its own, on a machine; it is killed in the end, as only a process can be.</summary>
sealed class RunnerProcess : IDisposable
{
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    readonly Channel<string> _told = Channel.CreateUnbounded<string>();
    readonly List<string> _seen = [];
    readonly Process _process;
    int _open = 2; // its streams

    public RunnerProcess(Machine machine, params string[] arguments)
        : this(machine, Machine.Program, ["run", .. arguments])
    {
    }

    RunnerProcess(Machine machine, string program, string[] arguments) => _process = machine.Inside(() =>
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        ChildProcess.Start(process); // on this thread: where it lives, the process does
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    });

    /// <param name="capability">Lower-case, without its prefix.</param>
    public static RunnerProcess Without(string capability, Machine machine, params string[] arguments) =>
        new(machine, "setpriv", [$"--bounding-set=-{capability}", Machine.Program, "run", .. arguments]);

    /// <summary>Waits for a line that has these words in it, and returns all until then.</summary>
    public async Task<IReadOnlyList<string>> UntilAsync(string words)
    {
        using var patience = new CancellationTokenSource(Deadline);
        try
        {
            while (true)
            {
                var line = await _told.Reader.ReadAsync(patience.Token);
                _seen.Add(line);
                if (line.Contains(words, StringComparison.Ordinal))
                    return _seen;
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"the runner never told of '{words}', but:\n{string.Join('\n', _seen)}");
        }
        catch (ChannelClosedException)
        {
            throw new InvalidOperationException(
                $"the runner has ended, and never told of '{words}', but:\n{string.Join('\n', _seen)}");
        }
    }

    /// <summary>Asks it to end.</summary>
    public async Task AskToEndAsync()
    {
        using var kill = ChildProcess.Start(new ProcessStartInfo("kill", [$"{_process.Id}"]));
        await kill.WaitForExitAsync();
    }

    /// <summary>Asks it to end, and returns all that it told.</summary>
    public async Task<IReadOnlyList<string>> EndAsync()
    {
        await AskToEndAsync();
        using var patience = new CancellationTokenSource(Deadline);
        await _process.WaitForExitAsync(patience.Token); // and until all was read
        while (_told.Reader.TryRead(out var line))
            _seen.Add(line);
        return _seen;
    }

    /// <summary>Waits until it has ended by itself, and returns its exit code.</summary>
    public async Task<int> ExitCodeAsync()
    {
        using var patience = new CancellationTokenSource(Deadline);
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    /// <param name="line">Null at the end of one of its two streams.</param>
    void Hear(string? line)
    {
        if (line is not null)
            _told.Writer.TryWrite(line);
        else if (Interlocked.Decrement(ref _open) == 0)
            _told.Writer.Complete();
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
