using System.CommandLine;
using System.Text.Json;
using EbpfLb.Instances;
using EbpfLb.Status;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb status</c>: what is attached here, and what it has done.</summary>
static class StatusCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print JSON, for scripts" };
        var command = new Command("status", "Show what is attached: services, backends, flows and counters") { json };
        command.SetAction(parsed => Run(parsed.GetValue(json), parsed.InvocationConfiguration.Output));
        return command;
    }

    static int Run(bool asJson, TextWriter output)
    {
        IReadOnlyList<InstanceStatus> all = [.. Instance.All().Select(StatusReader.Read)];
        if (asJson)
            output.WriteLine(JsonSerializer.Serialize(all, StatusJson.Default.IReadOnlyListInstanceStatus));
        else if (all.Count == 0)
            output.WriteLine("nothing is attached");
        else
            foreach (var status in all)
                StatusTable.Write(status, output);
        return ExitCode.Ok;
    }
}
