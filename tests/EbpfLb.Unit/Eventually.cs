using System.Diagnostics;

namespace EbpfLb.Unit;

/// <summary>
/// The one way to wait for what happens in its own time: until a deadline, which tells what was waited for, and what was
/// seen last. What goes by a clock of the test's own waits for that: <see cref="WaitingClock"/>.
/// </summary>
static class Eventually
{
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    /// <summary>Looks until what is seen is as it should be, and returns that.</summary>
    /// <param name="description">What is waited for, as a sentence.</param>
    /// <param name="observe">Looks once.</param>
    /// <param name="isTrue">Whether the look showed what is waited for.</param>
    /// <param name="show">Tells what was seen in words; its ToString where absent.</param>
    public static async Task<T> That<T>(string description, Func<T> observe, Predicate<T> isTrue, Func<T, string>? show = null)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            var seen = observe();
            if (isTrue(seen))
                return seen;
            Assert.True(
                patience.Elapsed < Deadline,
                $"Waited {Deadline.TotalSeconds} s in vain for this: {description}\nLast seen: {show?.Invoke(seen) ?? $"{seen}"}");
            await Task.Delay(Pause, TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }
}
