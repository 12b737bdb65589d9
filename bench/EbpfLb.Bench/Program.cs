using System.CommandLine;
using EbpfLb.Bench;

// `make bench`: measures, shows how it goes, and writes the report.

var quick = new Option<bool>("--quick") { Description = "A first look: one short round. It is written to artifacts/benchmarks." };
var parts = new Option<string[]>("--parts")
{
    Description = "What to measure; all of it where absent.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => [.. Parts.Names],
};
parts.AcceptOnlyFromAmong([.. Parts.Names]);
var command = new RootCommand("Measures the balancer, beside its peers and by itself.") { quick, parts };
command.SetAction(async (parsed, cancellation) =>
{
    var chosen = parsed.GetValue(parts)!;
    await Run.MeasureAsync(parsed.GetValue(quick) ? Effort.Quick : Effort.Full, chosen, cancellation);
});
return await command.Parse(args).InvokeAsync(new InvocationConfiguration
{
    ProcessTerminationTimeout = TimeSpan.FromMinutes(2), // who interrupts it waits until all that was started is gone
});
