using System.CommandLine;
using EbpfLb.Flows;
using EbpfLb.Status;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb healthy</c>: says whether an engine that moves addresses should leave them with this balancer.</summary>
static class HealthyCommand
{
    public static Command Create()
    {
        var service = new Option<string>("--service")
        {
            Description = "The service whose address is moved; without it the balancer itself is asked about",
            HelpName = "NAME",
        };
        var minBackends = Options.Create("--min-backends", "NUMBER",
            "How many backends must take new flows: of the service (default 1), or of each service (default 0)",
            BalancerHealth.ParseMinBackends, "is not a number of backends", "Use a whole number from 0 on");
        var json = Options.Json();
        var command = new Command("healthy", "Check whether this balancer should hold its addresses; exit code 0 if so, else 1")
        {
            service, minBackends, json,
        };
        command.SetAction(parsed =>
        {
            var health = BalancerHealth.Assess(
                StatusReader.Read(LiveFlows.ReadCounters), parsed.GetValue(service), parsed.GetValue(minBackends));
            parsed.InvocationConfiguration.Output.WriteLine(
                parsed.GetValue(json) ? JsonText.Format(health, StatusJson.Default.BalancerHealth) : $"{(health.Healthy ? "healthy" : "unhealthy")}: {health.Reason}");
            return health.Healthy ? ExitCode.Ok : ExitCode.Failed;
        });
        return command;
    }
}
