namespace EbpfLb;

/// <summary>Reads a stream item by item, with a task to wait for the next. A stream that ended has none.</summary>
sealed class Subscription<T> : IAsyncDisposable
{
    readonly CancellationTokenSource _stop;
    readonly IAsyncEnumerator<T> _items;

    public Subscription(Func<CancellationToken, IAsyncEnumerable<T>> follow, CancellationToken cancellation)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _items = follow(_stop.Token).GetAsyncEnumerator(_stop.Token);
        Available = MoveNextAsync();
    }

    public Task Available { get; private set; }

    public async Task<T> ReadAsync()
    {
        await Available;
        var item = _items.Current;
        Available = MoveNextAsync();
        return item;
    }

    async Task MoveNextAsync()
    {
        if (!await _items.MoveNextAsync())
            await Task.Delay(Timeout.InfiniteTimeSpan, _stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Available.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // its error, if any, was met or no longer matters
        await _items.DisposeAsync();
        _stop.Dispose();
    }
}
