using EbpfLb.Status;

namespace EbpfLb.Commands;

/// <summary>Shows rates, and what could not be read, once per interval.</summary>
/// <param name="errors">Where errors go; null for the screen.</param>
sealed class WatchLoop(Func<StatusSnapshot> read, bool colours, TimeProvider time, TextWriter? errors = null)
{
    /// <summary>Runs until it is cancelled, or the user quits.</summary>
    /// <param name="interval">Between two snapshots.</param>
    /// <param name="quit">Completes when the user quits.</param>
    /// <param name="cancellation">Ends it with an exception.</param>
    /// <exception cref="LoadBalancerException">There is no screen, and the first snapshot holds errors alone.</exception>
    public async Task RunAsync(Screen screen, TimeSpan interval, Task quit, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(interval, time);
        var (before, began) = (read(), time.GetTimestamp());
        if (errors is not null && before is { Errors: [_, ..], Instances: [] })
            throw new LoadBalancerException(string.Join(' ', before.Errors));
        while (true)
        {
            var tick = timer.WaitForNextTickAsync(cancellation).AsTask();
            if (await Task.WhenAny(quit, tick) == quit)
                return;
            await tick;
            var (now, then) = (read(), time.GetTimestamp());
            using var text = new StringWriter { NewLine = "\n" };
            new StatusTable(text, screen.Width, colours).Write(now.Since(before, time.GetElapsedTime(began, then)));
            CommandLine.Report(now.Errors, errors ?? text, ExitCode.Failed);
            screen.Show(text.ToString());
            (before, began) = (now, then);
        }
    }
}
