using EbpfLb.Status;

namespace EbpfLb.Commands;

/// <summary>Shows what goes on, once an interval, and what could not be read.</summary>
/// <param name="read">Takes a snapshot.</param>
/// <param name="colours">Whether to show them.</param>
/// <param name="time">Tells when it was taken.</param>
sealed class WatchLoop(Func<StatusSnapshot> read, bool colours, TimeProvider time)
{
    /// <summary>Until it is cancelled, which is the way to end it.</summary>
    public async Task RunAsync(Screen screen, TimeSpan interval, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(interval, time);
        var (before, began) = (read(), time.GetTimestamp());
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            var (now, then) = (read(), time.GetTimestamp());
            using var text = new StringWriter { NewLine = "\n" };
            new RateTable(text, colours).Write(now.Since(before, time.GetElapsedTime(began, then)));
            foreach (var problem in now.Errors)
                text.WriteLine($"error: {problem}");
            screen.Show(text.ToString());
            (before, began) = (now, then);
        }
    }
}
