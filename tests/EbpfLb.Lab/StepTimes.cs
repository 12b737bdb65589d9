using System.Diagnostics;
using System.Globalization;

namespace EbpfLb.Lab;

/// <summary>The kinds of work that a lab does.</summary>
enum Step
{
    ImageBuild,
    ContainerStart,
    Command,
    Transfer,
    Wait,
    Teardown,
}

/// <summary>
/// Sums up how long the lab's steps took, and how many there were. A step within another counts as the outer one: a command
/// that a wait repeats is waiting. Steps run side by side, so their sum is more than the time that passed.
/// </summary>
static class StepTimes
{
    static readonly AsyncLocal<bool> IsWithin = new();
    static readonly long[] Ticks = new long[Enum.GetValues<Step>().Length];
    static readonly int[] Counts = new int[Ticks.Length];

    /// <summary>Runs a step.</summary>
    public static async Task<T> MeasureAsync<T>(Step step, Func<Task<T>> run)
    {
        if (IsWithin.Value)
            return await run();
        IsWithin.Value = true; // of this method alone, and of what it calls
        var from = Stopwatch.GetTimestamp();
        try
        {
            return await run();
        }
        finally
        {
            Interlocked.Add(ref Ticks[(int)step], Stopwatch.GetElapsedTime(from).Ticks);
            Interlocked.Increment(ref Counts[(int)step]);
        }
    }

    /// <inheritdoc cref="MeasureAsync{T}"/>
    public static Task MeasureAsync(Step step, Func<Task> run) => MeasureAsync(step, async () =>
    {
        await run();
        return true;
    });

    /// <summary>
    /// Adds a line of "STEP SECONDS COUNT" for each kind to the file that <c>EBPFLB_LAB_STEPS</c> names, if it does. Each suite
    /// that uses the lab adds its own.
    /// </summary>
    public static void Write()
    {
        if (Environment.GetEnvironmentVariable("EBPFLB_LAB_STEPS") is { Length: > 0 } file)
            File.AppendAllLines(file, Enum.GetValues<Step>().Select(step => string.Create(CultureInfo.InvariantCulture,
                $"{step} {TimeSpan.FromTicks(Ticks[(int)step]).TotalSeconds:0.0} {Counts[(int)step]}")));
    }
}
