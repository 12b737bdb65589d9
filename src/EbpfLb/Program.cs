using EbpfLb.Commands;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;
using Microsoft.Extensions.Logging;

using var signals = new Signals();
return await CommandLine.InvokeAsync(CommandLine.Create(RunAsync), args, Console.Out, Console.Error, signals.Token);

static async Task<int> RunAsync(LoadBalancerConfiguration configuration, ILoggerFactory loggers, CancellationToken cancellation)
{
    await new Runner(configuration, Console.Out, TimeProvider.System, loggers).RunAsync(cancellation);
    return ExitCode.Ok;
}
