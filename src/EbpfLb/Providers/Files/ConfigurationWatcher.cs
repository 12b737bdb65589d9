using System.Threading.Channels;
using EbpfLb.Configuration;

namespace EbpfLb.Providers.Files;

/// <summary>
/// Reads a configuration file again when it changes or on request. An invalid file, or one that changes a setting
/// that requires a restart, is logged and changes nothing.
/// </summary>
/// <remarks>Compares the text instead of watching for events: this also sees remounts, renames and links.</remarks>
sealed partial class ConfigurationWatcher(
    string path, LoadBalancerConfiguration first, TimeProvider time, ILogger<ConfigurationWatcher> logger)
{
    /// <summary>The polling interval. A change counts once two reads agree: the file is then complete.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    readonly Channel<bool> _reloadRequests = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Requests a read now, changed or not. Thread-safe; requests coalesce.</summary>
    public void ReloadNow() => _reloadRequests.Writer.TryWrite(true);

    /// <summary>The configurations after the first one, without end.</summary>
    public async IAsyncEnumerable<LoadBalancerConfiguration> WatchAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var current = first;
        ConfigurationFile? seen = null, evaluated = null;
        bool isRejected = false, isReplaced = false;
        while (true)
        {
            var isRequested = await WaitAsync(cancellation);
            if (!isReplaced && MountedFile.IsReplaced(path))
            {
                isReplaced = true;
                LogConfigurationMountReplaced(path);
            }
            // A hanging medium must not delay the shutdown.
            var file = await Task.Run(() => ConfigurationFile.Load(path), cancellation).WaitAsync(cancellation);
            var isComplete = isRequested || file == seen;
            seen = file;
            if (!isComplete || (!isRequested && file == evaluated))
                continue;
            evaluated = file;
            var next = Evaluate(file, current);
            var isRestored = isRejected && next is not null;
            isRejected = next is null;
            if (next is null)
                continue;
            if (!isRequested && next == current)
            {
                if (isRestored)
                    LogConfigurationRestored(path);
                continue;
            }
            current = next;
            yield return next;
        }
    }

    async Task<bool> WaitAsync(CancellationToken cancellation)
    {
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var requested = _reloadRequests.Reader.WaitToReadAsync(pause.Token).AsTask();
        await Task.WhenAny(requested, Task.Delay(Interval, time, pause.Token));
        await pause.CancelAsync();
        cancellation.ThrowIfCancellationRequested();
        return _reloadRequests.Reader.TryRead(out _);
    }

    /// <summary>Null if the file cannot replace the current configuration.</summary>
    LoadBalancerConfiguration? Evaluate(ConfigurationFile file, LoadBalancerConfiguration current)
    {
        var (next, errors) = file.Validate();
        if (next is null)
        {
            LogConfigurationInvalid(path, string.Concat(errors.Select(error => $"\n  {error}")));
            return null;
        }
        var changed = LoadBalancerConfiguration.Settings.All
            .Where(setting => !setting.IsReloadable && !setting.IsEqual(next, current)).ToArray();
        if (changed.Length == 0)
            return next;
        LogRestartRequired(path, string.Join(", ", changed.Select(setting => setting.Name)));
        return null;
    }

    [LoggerMessage(LogLevel.Error, "{Path} is invalid; the old configuration stays:{Errors}")]
    partial void LogConfigurationInvalid(string path, string errors);

    [LoggerMessage(LogLevel.Error, "{Path} was replaced where it is mounted from, and changes do not come here any more: "
        + "mount its folder, not the file, and start ebpf-lb again")]
    partial void LogConfigurationMountReplaced(string path);

    [LoggerMessage(LogLevel.Information, "{Path} matches the running configuration again")]
    partial void LogConfigurationRestored(string path);

    [LoggerMessage(LogLevel.Error,
        "{Path} was not applied: {Keys} cannot change while running; the old configuration stays until a restart")]
    partial void LogRestartRequired(string path, string keys);
}
