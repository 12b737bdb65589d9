using System.Net;
using EbpfLb.Flows;
using EbpfLb.Status;
using EbpfLb.Tables;
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

    public HttpResponse Respond(string path) => path switch
    {
        "/metrics" => new(HttpStatusCode.OK, Text(), PrometheusConstants.TextContentTypeWithVersionAndEncoding),
        "/healthz" => Health(),
        _ => new(HttpStatusCode.NotFound, "Here are /metrics and /healthz.\n"),
    };

    HttpResponse Health()
    {
        var interfaces = StatusReader.ReadInterfaces(tables).ToArray();
        if (interfaces.Length > 0 && !interfaces.Any(link => link.IsPresent))
            return new(HttpStatusCode.ServiceUnavailable,
                $"No traffic is balanced: {string.Join(", ", interfaces.Select(link => link.Name))} is gone.\n");
        var silence = loop.TimeSinceLastPass;
        return silence <= LoopMetrics.MaxSilence
            ? new(HttpStatusCode.OK, "ok\n")
            : new(HttpStatusCode.ServiceUnavailable, FormattableString.Invariant(
                $"The tables have not been looked after for {silence.TotalSeconds:F0} s; the datapath goes on as they stand.\n"));
    }

    byte[] Text()
    {
        using var text = new MemoryStream();
        foreach (var registry in new[] { DatapathMetrics.Create(read()), loop.Registry })
            registry.CollectAndExportAsTextAsync(text).GetAwaiter().GetResult(); // to memory: does not block
        return text.ToArray();
    }
}
