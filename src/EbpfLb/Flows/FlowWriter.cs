using System.Globalization;
using System.Text.Json;
using EbpfLb.Configuration;

namespace EbpfLb.Flows;

/// <summary>Writes flows as they come, as a table or as a JSON array with one flow per line.</summary>
sealed class FlowWriter(TextWriter output, bool asJson)
{
    int _written;

    public void Begin() => output.WriteLine(asJson ? "[" : FormatLine(
        "STATE", "PROTO", "CLIENT", "SERVICE", "BACKEND", "BYTES IN", "BYTES OUT", "PACKETS IN", "PACKETS OUT", "AGE", "IDLE"));

    public void Write(Flow flow)
    {
        var row = FlowRow.From(flow);
        if (asJson)
            output.Write($"{(_written == 0 ? "" : ",\n")}{JsonSerializer.Serialize(row, FlowJson.Default.FlowRow)}");
        else
            output.WriteLine(FormatLine(
                row.State, row.Protocol, row.Client, $"{row.Service} {row.Endpoint}", $"{row.Backend} {row.BackendAddress}",
                row.ToBackendBytes, row.ToClientBytes, row.ToBackendPackets, row.ToClientPackets,
                FormatDuration(flow.Age), FormatDuration(flow.Idle)));
        _written++;
    }

    /// <param name="total">The number of matching flows; may be more than were written.</param>
    public void End(int total)
    {
        if (asJson)
            output.WriteLine(_written == 0 ? "]" : "\n]");
        else
            output.WriteLine(_written == total ? ConfigNames.FormatFlowCount(total) : $"{_written} of {ConfigNames.FormatFlowCount(total)}");
    }

    /// <summary>A duration in its two largest units: 0.3s, 12.0s, 3m05s, 2h07m, 4d11h.</summary>
    static string FormatDuration(TimeSpan time) => time switch
    {
        { TotalMinutes: < 1 } => time.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture) + "s",
        { TotalHours: < 1 } => $"{time.Minutes}m{time.Seconds:00}s",
        { TotalDays: < 1 } => $"{time.Hours}h{time.Minutes:00}m",
        _ => $"{time.Days}d{time.Hours:00}h",
    };

    static string FormatLine(
        object state, object protocol, object client, object service, object backend, object bytesIn, object bytesOut,
        object packetsIn, object packetsOut, object age, object idle) =>
        FormattableString.Invariant(
            $"{state,-11} {protocol,-5} {client,-21} {service,-27} {backend,-31} {bytesIn,12} {bytesOut,12} ")
        + FormattableString.Invariant($"{packetsIn,10} {packetsOut,11} {age,7} {idle,7}");
}
