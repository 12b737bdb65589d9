namespace EbpfLb;

/// <summary>A stream of which one waits for the next item beside other things. One that has ended brings no more.</summary>
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

    /// <summary>Completes when there is an item to take.</summary>
    public Task Available { get; private set; }

    /// <summary>The next item, when it is there.</summary>
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
        await Available.ContinueWith(_ => { }, TaskScheduler.Default); // its error, if it has one, was met or does not matter any more
        await _items.DisposeAsync();
        _stop.Dispose();
    }
}
