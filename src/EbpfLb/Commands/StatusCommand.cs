using System.CommandLine;
using System.Text.Json;
using EbpfLb.Reconcile;
using EbpfLb.Status;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb status</c>: what is attached here, and what it has done.</summary>
static class StatusCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print JSON, for scripts" };
        var interval = Options.Interval("Take two readings so far apart, and show what goes on in a second");
        var command = new Command("status", "Show what is attached: services, backends, flows and counters") { json, interval };
        command.SetAction(async (parsed, cancellation) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            var reading = await ReadAsync(parsed.GetValue(interval), cancellation);
            if (parsed.GetValue(json))
                output.WriteLine(JsonSerializer.Serialize(reading.Instances, StatusJson.Default.IReadOnlyListInstanceStatus));
            else if (parsed.GetValue(interval) is not null)
                new RateTable(output, colours: output == StandardOutput.Writer && Terminal.HasColours).Write(reading);
            else
                StatusTable.Write(reading, output);
            foreach (var fault in reading.Faults)
                parsed.InvocationConfiguration.Error.WriteLine($"error: {fault}");
            return reading.Faults.Count == 0 ? ExitCode.Ok : ExitCode.Failed;
        });
        return command;
    }

    static async Task<StatusReading> ReadAsync(
        TimeSpan? interval, CancellationToken cancellation)
    {
        var (first, began) = (StatusReader.Read(LiveFlows.Count), TimeProvider.System.GetTimestamp());
        if (interval is null)
            return first;
        await Task.Delay(interval.Value, cancellation);
        var (second, ended) = (StatusReader.Read(LiveFlows.Count), TimeProvider.System.GetTimestamp());
        return second.Since(first, TimeProvider.System.GetElapsedTime(began, ended));
    }
}
