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
    /// <summary>For an attached datapath. A scrape reads its counters, and does not scan the flow tables.</summary>
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
        var names = string.Join(", ", interfaces.Select(link => link.Name));
        if (interfaces.Length > 0 && !interfaces.Any(link => link.IsPresent))
            return $"No traffic is balanced: {names} is gone.";
        if (interfaces.Length > 0 && interfaces.Where(link => link.IsPresent).All(link => Interfaces.IsDown(link.Name)))
            return $"No traffic is balanced: {names} is down.";
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
        var minBackends = number is null ? null : BalancerHealth.ParseMinBackends(number);
        if (number is not null && minBackends is null)
            return new(HttpStatusCode.BadRequest, $"min-backends: '{number}' is not a number of backends. Use a whole number from 0 on.\n");
        var health = BalancerHealth.Assess(new([read() with { Running = true }], []), service, minBackends);
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

/// <summary>A response of the <see cref="MetricsServer"/>.</summary>
/// <param name="Body">UTF-8 text.</param>
sealed record HttpResponse(HttpStatusCode Status, byte[] Body, string ContentType = "text/plain; charset=utf-8")
{
    public HttpResponse(HttpStatusCode status, string text)
        : this(status, Encoding.UTF8.GetBytes(text))
    {
    }
}
