using System.CommandLine;
using EbpfLb.Flows;
using EbpfLb.Status;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb status</c>: shows what is attached, with its counters.</summary>
static class StatusCommand
{
    public static Command Create()
    {
        var json = Options.Json();
        var interval = Options.Interval("Take two readings this far apart, and show rates per second");
        var check = new Option<bool>("--check")
        {
            Description = "Print only what is wrong: nothing attached, an interface gone, no process; fail if anything is. For backends see 'ebpf-lb healthy'",
        };
        var command = new Command("status", "Show what is attached: services, backends, flows and counters") { json, interval, check };
        command.SetAction(async (parsed, cancellation) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(check))
                return Check(StatusReader.Read(LiveFlows.ReadCounters), parsed.InvocationConfiguration.Error);
            var snapshot = await ReadAsync(parsed.GetValue(interval), cancellation);
            if (parsed.GetValue(json))
                output.WriteLine(JsonText.Format(snapshot.Instances, StatusJson.Default.IReadOnlyListInstanceStatus));
            else
                new StatusTable(output, Terminal.WidthOf(output), Terminal.HasColours(output)).Write(snapshot);
            return CommandLine.Report(snapshot.Errors, parsed.InvocationConfiguration.Error, ExitCode.Failed);
        });
        return command;
    }

    static int Check(StatusSnapshot snapshot, TextWriter error)
    {
        string[] problems = [.. snapshot.Errors, .. snapshot.Instances.SelectMany(instance => instance.Problems)];
        if (snapshot.IsEmpty)
            problems = [StatusSnapshot.NothingAttached];
        return CommandLine.Report(problems, error, ExitCode.Failed);
    }

    static async Task<StatusSnapshot> ReadAsync(TimeSpan? interval, CancellationToken cancellation)
    {
        var (first, began) = (StatusReader.Read(LiveFlows.Count), TimeProvider.System.GetTimestamp());
        if (interval is null)
            return first;
        await Task.Delay(interval.Value, cancellation);
        var (second, ended) = (StatusReader.Read(LiveFlows.Count), TimeProvider.System.GetTimestamp());
        return second.Since(first, TimeProvider.System.GetElapsedTime(began, ended));
    }
}
