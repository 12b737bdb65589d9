using System.Net;
using EbpfLb.Flows;
using EbpfLb.Status;
using EbpfLb.Tables;
using Prometheus;

namespace EbpfLb.Metrics;

/// <summary>What stands at the metrics' endpoint: <c>/metrics</c> in Prometheus' text format, and <c>/healthz</c>.</summary>
sealed class MetricsEndpoint(LoopMetrics loop, Func<InstanceStatus> read)
{
    /// <summary>The site of a datapath. Flows are not walked for each scrape: the kernel's own count of them does.</summary>
    public static MetricsEndpoint Create(string instance, LbTables tables, LoopMetrics loop) =>
        new(loop, () => StatusReader.Create(instance, tables, LiveFlows.ReadCounters(tables)));

    public HttpResponse Respond(string path) => path switch
    {
        "/metrics" => new(HttpStatusCode.OK, Text(), PrometheusConstants.TextContentTypeWithVersionAndEncoding),
        "/healthz" => Health(),
        _ => new(HttpStatusCode.NotFound, "Here are /metrics and /healthz.\n"),
    };

    HttpResponse Health()
    {
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
            registry.CollectAndExportAsTextAsync(text).GetAwaiter().GetResult(); // to memory: nothing is waited for
        return text.ToArray();
    }
}
