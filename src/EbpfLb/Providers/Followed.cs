namespace EbpfLb.Providers;

/// <summary>A stream of which one waits for the next item beside other things. One that has ended brings no more.</summary>
sealed class Followed<T> : IAsyncDisposable
{
    readonly CancellationTokenSource _stop;
    readonly IAsyncEnumerator<T> _items;

    public Followed(Func<CancellationToken, IAsyncEnumerable<T>> follow, CancellationToken cancellation)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _items = follow(_stop.Token).GetAsyncEnumerator(_stop.Token);
        Next = NextAsync();
    }

    /// <summary>Completes when there is an item to take.</summary>
    public Task Next { get; private set; }

    /// <summary>The next item, when it is there.</summary>
    public async Task<T> TakeAsync()
    {
        await Next;
        var item = _items.Current;
        Next = NextAsync();
        return item;
    }

    async Task NextAsync()
    {
        if (!await _items.MoveNextAsync())
            await Task.Delay(Timeout.InfiniteTimeSpan, _stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Next.ContinueWith(_ => { }, TaskScheduler.Default); // its fault, if it has one, was met or does not matter any more
        await _items.DisposeAsync();
        _stop.Dispose();
    }
}
