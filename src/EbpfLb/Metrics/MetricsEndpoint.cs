using System.Net;
using EbpfLb.Flows;
using EbpfLb.Networking;
using EbpfLb.Status;
using EbpfLb.Tables;
using Microsoft.AspNetCore.Http;
using Prometheus;

namespace EbpfLb.Metrics;

/// <summary>Answers <c>/metrics</c> in the Prometheus text format, and <c>/healthz</c>.</summary>
sealed class MetricsEndpoint(LoopMetrics loop, LbTables tables, Func<InstanceStatus> read)
{
    /// <summary>
    /// For an attached datapath. Flows come from the datapath's counters: a scrape does not scan the tables.
    /// </summary>
    public static MetricsEndpoint Create(string instance, LbTables tables, LoopMetrics loop) =>
        new(loop, tables, () => StatusReader.Create(instance, tables, LiveFlows.ReadCounters(tables)));

    public HttpResponse Respond(string path, IQueryCollection? query = null) => path switch
    {
        "/metrics" => new(HttpStatusCode.OK, Text(), PrometheusConstants.TextContentTypeWithVersionAndEncoding),
        "/healthz" => Problem() is { } problem ? new(HttpStatusCode.ServiceUnavailable, $"{problem}\n")
            : query is { Count: > 0 } ? Health(query) : new(HttpStatusCode.OK, "ok\n"),
        _ => new(HttpStatusCode.NotFound, "This server has /metrics and /healthz.\n"),
    };

    /// <summary>Why the balancer should hold no address, as a sentence; null if it may.</summary>
    string? Problem()
    {
        var interfaces = StatusReader.ReadInterfaces(tables).ToArray();
        if (interfaces.Length > 0 && !interfaces.Any(link => link.IsPresent))
            return $"No traffic is balanced: {string.Join(", ", interfaces.Select(link => link.Name))} is gone.";
        if (interfaces.Length > 0 && interfaces.Where(link => link.IsPresent).All(link => Interfaces.IsDown(link.Name)))
            return $"No traffic is balanced: {string.Join(", ", interfaces.Select(link => link.Name))} is down.";
        if (tables.Instance.TryGet(0, out var head) && head.WithdrawnNs != 0)
            return "The balancer withdraws, and ends soon.";
        var silence = loop.TimeSinceLastPass;
        return silence <= LoopMetrics.MaxSilence ? null : FormattableString.Invariant(
            $"No reconcile pass for {silence.TotalSeconds:F0} s: packets are still balanced, without updates.");
    }

    /// <summary>For <c>service=NAME</c> and <c>min-backends=NUMBER</c>. This process is the one that runs.</summary>
    HttpResponse Health(IQueryCollection query)
    {
        if (query.Keys.Except(["service", "min-backends"]).FirstOrDefault() is { } other)
            return new(HttpStatusCode.BadRequest, $"'{other}' is unknown here. Ask with service=NAME and min-backends=NUMBER.\n");
        var (service, number) = (Value("service"), Value("min-backends"));
        if (service is "")
            return new(HttpStatusCode.BadRequest, "service: the name is missing. Ask with service=NAME, or leave it out to ask about the balancer.\n");
        if (number is not null && BalancerHealth.ParseMinBackends(number) is null)
            return new(HttpStatusCode.BadRequest, $"min-backends: '{number}' is not a number of backends. Use a whole number from 0 on.\n");
        var health = BalancerHealth.Assess(new([read() with { Running = true }], []), service, number is null ? null : BalancerHealth.ParseMinBackends(number));
        var status = health.Healthy ? HttpStatusCode.OK : health.IsKnown ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.NotFound;
        return new(status, $"{health.Reason}\n");

        string? Value(string key) => query.TryGetValue(key, out var values) && values.Count > 0 ? values.ToString() : null;
    }

    byte[] Text()
    {
        using var text = new MemoryStream();
        foreach (var registry in new[] { DatapathMetrics.Create(read()), loop.Registry })
            registry.CollectAndExportAsTextAsync(text).GetAwaiter().GetResult(); // to memory: does not block
        return text.ToArray();
    }
}
