namespace EbpfLb.Unit;

/// <summary>
/// The machine's clock, running faster: for pauses between attempts over real sockets, which a clock of the test's own
/// (<see cref="WaitingClock"/>) would cut off while an answer is on its way. Deadlines come earlier by as much.
/// </summary>
sealed class HurriedClock : TimeProvider
{
    const int Times = 5;

    static readonly DateTimeOffset Start = System.GetUtcNow();
    static readonly long StartTimestamp = System.GetTimestamp();

    public static HurriedClock Instance { get; } = new();

    public override DateTimeOffset GetUtcNow() => Start + (Times * System.GetElapsedTime(StartTimestamp));

    public override long GetTimestamp() => StartTimestamp + (Times * (System.GetTimestamp() - StartTimestamp));

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new HurriedTimer(System.CreateTimer(callback, state, Sooner(dueTime), Sooner(period)));

    static TimeSpan Sooner(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? time : time / Times;

    sealed class HurriedTimer(ITimer timer) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(Sooner(dueTime), Sooner(period));

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();
    }
}
