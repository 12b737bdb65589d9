using System.CommandLine;
using EbpfLb.Datapath;
using EbpfLb.Flows;
using EbpfLb.Status;
using EbpfLb.Tables;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb flows</c>: lists flows from the pinned maps.</summary>
sealed class FlowsCommand
{
    const int MaxListedNames = 10;

    readonly Option<IPNetwork?> _client = Options.Create("--client", "ADDRESS[/BITS]",
        "Only flows from these clients", AddressPrefix.TryParse, "is neither an address nor a prefix", "Write it as 10.0.0.7 or 10.0.0.0/8");
    readonly Option<string> _service = new("--service") { Description = "Only flows to this service", HelpName = "NAME" };
    readonly Option<BackendPattern?> _backend = Options.Create("--backend", "HOST[:PORT]",
        "Only flows to this backend, by its configured name or its address", BackendPattern.TryParse,
        "is not a backend", "Write it as web, 172.20.0.2 or 172.20.0.2:80");
    readonly Option<Func<Flow, ulong>?> _sort = Options.Create("--sort", "BY",
        $"Largest first, by: {FlowOrder.Names}; shows {FlowQuery.MaxSortedFlows} unless --limit is given",
        FlowOrder.TryParse, "is not a sort order", $"Use one of: {FlowOrder.Names}");
    readonly Option<int?> _limit = Options.Create("--limit", "NUMBER", "Show at most this many",
        ParseLimit, "is not a number of flows", "Use a whole number from 1 on");
    readonly Option<bool> _json = Options.Json();

    public static Command Create()
    {
        var options = new FlowsCommand();
        var command = new Command("flows", "Show the flows: client, service, backend, what they carry")
        {
            options._client, options._service, options._backend, options._sort, options._limit, options._json,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => options.Run(parsed, cancellation), cancellation));
        return command;
    }

    int Run(ParseResult parsed, CancellationToken cancellation)
    {
        var filter = new FlowFilter(parsed.GetValue(_client), parsed.GetValue(_service), parsed.GetValue(_backend));
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var opened = new List<LbTables>();
        var (sources, errors) = AllInstances.Read((instance, tables) =>
        {
            opened.Add(tables);
            return new FlowSource(instance, tables, TimeProvider.System);
        });
        if (sources.Count + errors.Count == 0 && !parsed.GetValue(_json))
        {
            output.WriteLine(string.Join('\n', TextTable.Lines(StatusSnapshot.NothingAttached, Terminal.WidthOf(output))));
            return ExitCode.Ok;
        }
        try
        {
            RequireKnownName("service", filter.Service, sources.SelectMany(source => source.Services), isAll: errors.Count == 0);
            RequireKnownName("backend", filter.Backend?.Name, sources.SelectMany(source => source.Backends), isAll: errors.Count == 0);
            if (sources.Count > 0 || errors.Count == 0)
                new FlowTable(output, parsed.GetValue(_json), Terminal.WidthOf(output))
                    .Write(new(filter, parsed.GetValue(_sort), parsed.GetValue(_limit)), sources, cancellation);
        }
        finally
        {
            opened.ForEach(tables => tables.Dispose());
            CommandLine.Report(errors, error, ExitCode.Failed);
        }
        return errors.Count == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    /// <summary>Rejects an unknown name: it would match no flow and look like an idle one.</summary>
    static void RequireKnownName(string what, string? name, IEnumerable<string> names, bool isAll)
    {
        var known = names.Distinct().Order().ToArray();
        if (name is null || known.Contains(name))
            return;
        var more = known.Length > MaxListedNames ? $" and {known.Length - MaxListedNames} more" : "";
        throw new LoadBalancerException($"no {what} {(isAll ? "" : "of those that could be read ")}is named '{name}'. "
            + $"There {(known.Length == 0 ? "is none" : $"are: {string.Join(", ", known.Take(MaxListedNames))}{more}")}.");
    }

    static int? ParseLimit(string text) => int.TryParse(text, out var number) && number > 0 ? number : null;
}
