using System.CommandLine;
using EbpfLb.Flows;
using EbpfLb.Instances;
using EbpfLb.Tables;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb flows</c>: who is connected to whom, read from the pinned maps.</summary>
sealed class FlowsCommand
{
    readonly Option<AddressPrefix?> _client = Options.Parsed("--client", "ADDRESS[/BITS]",
        "Only flows from these clients", AddressPrefix.Read, "is no address and no prefix", "Write it as 10.0.0.7 or 10.0.0.0/8");
    readonly Option<string> _service = new("--service") { Description = "Only flows to this service", HelpName = "NAME" };
    readonly Option<BackendPattern?> _backend = Options.Parsed("--backend", "HOST[:PORT]",
        "Only flows to this backend, by its configured name or its address", BackendPattern.Read,
        "is no backend", "Write it as web, 172.20.0.2 or 172.20.0.2:80");
    readonly Option<string> _sort = new("--sort")
    {
        Description = $"The most first, in: {string.Join(", ", FlowOrder.All.Select(order => order.Word))}; "
            + $"shows {FlowQuery.LongestSortedList} unless --limit says otherwise",
        HelpName = "BY",
    };
    readonly Option<int?> _limit = Options.Parsed("--limit", "NUMBER", "Show so many at most",
        Number, "is no number of flows", "Use a whole number from 1 on");
    readonly Option<bool> _json = new("--json") { Description = "Print JSON, for scripts" };

    public static Command Create()
    {
        var options = new FlowsCommand();
        options._sort.AcceptOnlyFromAmong([.. FlowOrder.All.Select(order => order.Word)]);
        var command = new Command("flows", "Show the flows: client, service, backend, what they carry")
        {
            options._client, options._service, options._backend, options._sort, options._limit, options._json,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => options.Run(parsed, cancellation), cancellation));
        return command;
    }

    int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var order = parsed.GetValue(_sort) is { } word ? FlowOrder.All.Single(known => known.Word == word).Key : null;
        var filter = new FlowFilter(parsed.GetValue(_client), parsed.GetValue(_service), parsed.GetValue(_backend));
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var opened = new List<LbTables>();
        var (sources, faults) = EveryInstance.Read((instance, tables) =>
        {
            opened.Add(tables);
            return new FlowSource(instance, tables, TimeProvider.System);
        });
        try
        {
            RequireService(filter.Service, sources, isAll: faults.Count == 0);
            if (sources.Count > 0 || faults.Count == 0)
                new FlowQuery(filter, order, parsed.GetValue(_limit))
                    .Answer(sources, new FlowWriter(output, parsed.GetValue(_json)), cancellation);
        }
        finally
        {
            opened.ForEach(tables => tables.Dispose());
            foreach (var fault in faults)
                error.WriteLine($"error: {fault}");
        }
        return faults.Count == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    /// <summary>A mistyped name would show no flow, as an idle service does.</summary>
    static void RequireService(string? name, IReadOnlyList<FlowSource> sources, bool isAll)
    {
        var known = sources.SelectMany(source => source.Services).Distinct().ToArray();
        if (name is not null && !known.Contains(name))
            throw new LoadBalancerException(
                $"no service {(isAll ? "" : "of those that could be read ")}is named '{name}'. There {(known.Length == 0 ? "is none" : $"are: {string.Join(", ", known)}")}.");
    }

    static int? Number(string text) => int.TryParse(text, out var number) && number > 0 ? number : null;
}
