using EbpfLb.Commands;
using EbpfLb.Configuration;
using EbpfLb.Hosting;
using EbpfLb.Providers.Files;

var signals = new Signals(); // disposed of last: a late signal must not change the exit code
return await CommandLine.InvokeAsync(
    CommandLine.Create(RunAsync), args, StandardOutput.Writer, Console.Error, signals.Token);

async Task<int> RunAsync(
    LoadBalancerConfiguration configuration, string? file, ILoggerFactory loggers, CancellationToken cancellation)
{
    var changes = AsyncEnumerable.Empty<LoadBalancerConfiguration>();
    if (file is not null)
    {
        var watch = new ConfigurationWatcher(
            file, configuration, TimeProvider.System, loggers.CreateLogger<ConfigurationWatcher>());
        signals.HangUp += watch.ReloadNow;
        changes = watch.WatchAsync(CancellationToken.None); // the runner ends it
    }
    await new Runner(configuration, changes, StandardOutput.Writer, TimeProvider.System, loggers).RunAsync(cancellation, signals.Repeated);
    return ExitCode.Ok;
}
