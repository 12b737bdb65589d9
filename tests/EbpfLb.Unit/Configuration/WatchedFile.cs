using EbpfLb.Configuration;
using EbpfLb.Providers.Files;

namespace EbpfLb.Unit.Configuration;

/// <summary>A configuration file under watch, whose clock runs only while something is waited for.</summary>
sealed class WatchedFile : IAsyncDisposable
{
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    readonly string _path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid()}.yaml");
    readonly WaitingClock _time = new(ConfigurationWatcher.Interval);
    readonly CancellationTokenSource _stop = new();
    readonly Journal<ConfigurationWatcher> _journal = new();
    readonly ConfigurationWatcher _watch;
    readonly IAsyncEnumerator<LoadBalancerConfiguration> _configurations;
    Task<bool>? _next;

    public WatchedFile(string text)
    {
        Write(text);
        _watch = new(_path, ConfigurationFile.Read(_path).Configuration!, _time, _journal);
        _configurations = _watch.WatchAsync(_stop.Token).GetAsyncEnumerator();
    }

    public void Write(string text) => File.WriteAllText(_path, text);

    /// <summary>Replaces the file in one step: no reader finds a part of it.</summary>
    void Replace(string text)
    {
        File.WriteAllText($"{_path}.new", text);
        File.Move($"{_path}.new", _path, overwrite: true);
    }

    public void Remove() => File.Delete(_path);

    /// <summary>The next configuration that it tells, however long that takes.</summary>
    public async Task<LoadBalancerConfiguration> Next()
    {
        var next = Coming();
        await _time.UntilAsync(() => next.IsCompleted);
        return await Take(next);
    }

    /// <summary>Writes the file piece by piece: each poll finds the next piece, and the last one stays.</summary>
    /// <returns>The next configuration that the watcher yields.</returns>
    public async Task<LoadBalancerConfiguration> Grow(params string[] pieces)
    {
        var polls = _time.Timers;
        var next = Coming();
        foreach (var piece in pieces)
        {
            await _time.StandUntilAsync(() => _time.Timers > polls);
            polls = _time.Timers;
            Replace(piece);
            _time.Advance(ConfigurationWatcher.Interval);
        }
        await _time.UntilAsync(() => next.IsCompleted);
        return await Take(next);
    }

    /// <summary>What it tells when it is asked to look, though no time passes.</summary>
    public async Task<LoadBalancerConfiguration> Asked()
    {
        _watch.ReloadNow();
        return await Take(Coming()).WaitAsync(Deadline);
    }

    /// <summary>What it has logged, once it is so much; until then it may tell of no configuration.</summary>
    public async Task<string[]> Logged(int lines)
    {
        var next = Coming();
        await _time.UntilAsync(() => Lines.Length >= lines || next.IsCompleted);
        Assert.False(next.IsCompleted);
        return Lines;
    }

    Task<bool> Coming() => _next ??= _configurations.MoveNextAsync().AsTask();

    async Task<LoadBalancerConfiguration> Take(Task<bool> next)
    {
        Assert.True(await next);
        _next = null;
        return _configurations.Current;
    }

    /// <summary>With the file's name, which is another each time, as FILE.</summary>
    public string[] Lines => [.. _journal.Lines.Select(line => line.Replace(_path, "FILE").Replace(Path.GetFileName(_path), "FILE"))];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _stop.Dispose();
        File.Delete(_path);
    }
}
