using System.Runtime.CompilerServices;
using System.Threading.Channels;
using EbpfLb.Configuration;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Providers.Files;

/// <summary>
/// Reads a configuration file again when it changes, or at once when asked to. One that is not valid, or that changes
/// what takes a restart, changes nothing, and is told of.
/// </summary>
/// <remarks>
/// It compares what the file says, rather than waiting to be told of changes: that also sees what is mounted anew,
/// replaced by a rename, or reached through links.
/// </remarks>
sealed partial class ConfigurationWatcher(
    string path, LoadBalancerConfiguration first, TimeProvider time, ILogger<ConfigurationWatcher> logger)
{
    /// <summary>How long between two looks. A change counts once two looks in a row have seen it: it is whole then.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    static readonly (string Key, Func<LoadBalancerConfiguration, object> Value)[] RestartSettings =
    [
        ("interface", configuration => string.Join(", ", configuration.Interfaces)),
        ("hook", configuration => configuration.Hook),
        ("events", configuration => configuration.Events),
        ("flows", configuration => configuration.Flows),
        ("timeouts", configuration => configuration.Timeouts),
        ("metrics", configuration => $"{configuration.Metrics}"),
        ("logs", configuration => configuration.Logs),
        ("leave-attached", configuration => configuration.LeaveAttached),
    ];

    readonly Channel<bool> _reloadRequests = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Asks it to read the file now, whether it changed or not. From any thread; asking twice is asking once.</summary>
    public void ReloadNow() => _reloadRequests.Writer.TryWrite(true);

    /// <summary>The configurations that follow the first one, without end.</summary>
    public async IAsyncEnumerable<LoadBalancerConfiguration> WatchAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var current = first;
        ConfigurationFile? seen = null, evaluated = null;
        var isRefused = false;
        while (true)
        {
            var isAsked = await WaitAsync(cancellation);
            // Where a file's medium hangs, that must not hold up the end.
            var file = await Task.Run(() => ConfigurationFile.Load(path), cancellation).WaitAsync(cancellation);
            var isWhole = isAsked || file == seen;
            seen = file;
            if (!isWhole || (!isAsked && file == evaluated))
                continue;
            evaluated = file;
            var next = Evaluate(file, current);
            var isRepaired = isRefused && next is not null;
            isRefused = next is null;
            if (next is null)
                continue;
            if (!isAsked && next == current)
            {
                if (isRepaired)
                    LogRestored(path);
                continue;
            }
            current = next;
            yield return next;
        }
    }

    async Task<bool> WaitAsync(CancellationToken cancellation)
    {
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var asked = _reloadRequests.Reader.WaitToReadAsync(pause.Token).AsTask();
        await Task.WhenAny(asked, Task.Delay(Interval, time, pause.Token));
        await pause.CancelAsync();
        cancellation.ThrowIfCancellationRequested();
        return _reloadRequests.Reader.TryRead(out _);
    }

    /// <summary>Null where the file cannot take the place of the current configuration.</summary>
    LoadBalancerConfiguration? Evaluate(ConfigurationFile file, LoadBalancerConfiguration current)
    {
        var (next, errors) = file.Validate();
        if (next is null)
        {
            LogInvalid(path, string.Concat(errors.Select(error => $"\n  {error}")));
            return null;
        }
        var changed = RestartSettings.Where(setting => !setting.Value(next).Equals(setting.Value(current))).ToArray();
        if (changed.Length == 0)
            return next;
        LogRestartRequired(path, string.Join(", ", changed.Select(setting => setting.Key)));
        return null;
    }

    [LoggerMessage(LogLevel.Error, "{Path} is not valid as it is now; nothing changes:{Errors}")]
    partial void LogInvalid(string path, string errors);

    [LoggerMessage(LogLevel.Information, "{Path} is again what is in force")]
    partial void LogRestored(string path);

    [LoggerMessage(LogLevel.Error,
        "{Path} was changed, but a change of {Keys} takes a restart of the runner; nothing changes")]
    partial void LogRestartRequired(string path, string keys);
}
