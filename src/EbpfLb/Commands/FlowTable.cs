using EbpfLb.Flows;

namespace EbpfLb.Commands;

/// <summary>Writes flows as they come, as a table or as a JSON array with one flow per line.</summary>
/// <param name="width">The width of the terminal in characters; null if the output is none, and nothing is cut.</param>
sealed class FlowTable(TextWriter output, bool asJson, int? width = null)
{
    const int WholeIpv4 = 21; // 255.255.255.255:65535

    readonly TextTable _table = new(width,
    [
        new("STATE", 11), new("PROTO", 5, Rank: 3), new("CLIENT", 21, WholeIpv4),
        new("SERVICE", width is null ? 27 : 12, 7), new("BACKEND", 31, WholeIpv4),
        new("BYTES IN", width is null ? 12 : 0, IsRight: true), width is null ? new("BYTES OUT", 12, IsRight: true) : new("OUT", 6, IsRight: true),
        new("PACKETS IN", IsRight: true, Rank: 4), new("PACKETS OUT", IsRight: true, Rank: 5),
        new("AGE", 7, 6, IsRight: true, Rank: 2), new("IDLE", 7, 6, IsRight: true, Rank: 1),
    ], indent: "");

    int _written;

    /// <summary>Writes the flows of a query, and how many there are.</summary>
    public void Write(FlowQuery query, IEnumerable<FlowSource> sources, CancellationToken cancellation)
    {
        output.WriteLine(asJson ? "[" : _table.Header);
        var total = query.Run(sources, Write, cancellation);
        if (asJson)
        {
            output.WriteLine(_written == 0 ? "]" : "\n]");
            return;
        }
        output.WriteLine(_written == total ? LiveFlows.Describe(total) : $"{_written} of {LiveFlows.Describe(total)}");
        TextTable.WriteMore(output, width, "", _table.LeftOut, _table.HasCut ? "addresses in full" : null);
    }

    void Write(Flow flow)
    {
        var row = FlowRow.From(flow);
        if (asJson)
            output.Write($"{(_written == 0 ? "" : ",\n")}{JsonText.Format(row, FlowJson.Default.FlowRow)}");
        else
            output.WriteLine(_table.Row(
                row.State, row.Protocol, row.Client, width is null ? $"{row.Service} {row.Endpoint}" : row.Service,
                width is null ? $"{row.Backend} {row.BackendAddress}" : TextTable.NameOnce(row.Backend, row.BackendAddress),
                Count(row.ToBackendBytes), Count(row.ToClientBytes), Count(row.ToBackendPackets), Count(row.ToClientPackets),
                Quantity.Short(flow.Age), Quantity.Short(flow.Idle)));
        _written++;
    }

    string Count(ulong count) => width is null ? $"{count}" : Quantity.Short(count);
}
