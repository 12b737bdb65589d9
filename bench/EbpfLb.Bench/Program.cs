using System.CommandLine;
using EbpfLb.Bench;
using EbpfLb.Bench.Report;

// `make bench`: measures, shows how it goes, and writes the report.

var quick = new Option<bool>("--quick") { Description = "A first look: one short round. It is written to artifacts/benchmarks." };
var parts = new Option<string[]>("--parts")
{
    Description = "What to measure; all of it where absent.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => [.. Parts.Names],
};
var page = new Option<bool>("--page") { Description = "Measure nothing: write the page anew from what was measured." };
parts.AcceptOnlyFromAmong([.. Parts.Names]);
var command = new RootCommand("Measures the balancer, beside its peers and by itself.") { quick, parts, page };
command.SetAction(async (parsed, cancellation) =>
{
    if (parsed.GetValue(page))
    {
        new Report(Run.FolderFor(isQuick: parsed.GetValue(quick))).Write();
        return;
    }
    var chosen = parsed.GetValue(parts)!;
    await Run.MeasureAsync(parsed.GetValue(quick) ? Effort.Quick : Effort.Full, chosen, cancellation);
});
return await command.Parse(args).InvokeAsync(new InvocationConfiguration
{
    ProcessTerminationTimeout = TimeSpan.FromMinutes(2), // who interrupts it waits until all that was started is gone
});
