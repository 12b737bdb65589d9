using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace EbpfLb.Lab;

/// <summary>The one way to wait: for something that is described, until a deadline that is named.</summary>
public static class Eventually
{
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Observes until <paramref name="isTrue"/> holds of what is seen, and returns that.</summary>
    /// <param name="description">What is waited for, as a sentence.</param>
    /// <param name="observe">Looks once.</param>
    /// <param name="isTrue">Whether the look showed what is waited for.</param>
    /// <param name="within">The deadline.</param>
    /// <param name="show">Tells an observation in words; its ToString where absent.</param>
    /// <exception cref="LabException">The deadline passed; says what was seen last.</exception>
    public static async Task<T> That<T>(
        string description, Func<Task<T>> observe, Func<T, bool> isTrue, TimeSpan within, Func<T, string>? show = null)
    {
        var last = "nothing yet";
        var patience = new ResiliencePipelineBuilder<T>()
            .AddTimeout(within)
            .AddRetry(new RetryStrategyOptions<T>
            {
                ShouldHandle = attempt => ValueTask.FromResult(
                    attempt.Outcome is { Exception: null, Result: { } seen } && !isTrue(seen)),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Constant,
                Delay = Pause,
            })
            .Build();
        try
        {
            return await StepTimes.MeasureAsync(Step.Wait, () => patience.ExecuteAsync(async deadline =>
            {
                var seen = await observe().WaitAsync(deadline);
                last = show?.Invoke(seen) ?? seen?.ToString() ?? "nothing";
                return seen;
            }, LabContext.Current.CancellationToken).AsTask());
        }
        catch (TimeoutRejectedException late)
        {
            throw new LabException(
                $"""
                Waited {within.TotalSeconds} s in vain for this: {description}
                Last seen: {last}
                """, late);
        }
    }
}
