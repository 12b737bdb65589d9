using EbpfLb.Lab;
using EbpfLb.Lab.Telemetry;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>What goes on can be seen while it goes on: each flow, and the numbers that monitoring keeps.</summary>
public abstract class ItCanBeWatched(HookLab lab) : Spec(lab)
{
    const int MetricsPort = 9464;

    static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    /// <summary>Once Prometheus has started and scraped several times.</summary>
    static readonly TimeSpan Later = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Flows_lists_exactly_the_open_connections()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B), Service.Dns(Lab.C));
        var port = Lab.TakePorts(4);
        await using var held = await HeldConnections.OpenAsync(Lab.Client, balancer, port, count: 4);
        await Lab.Client.GetAsync(balancer, times: 2);

        var open = await Eventually.That("of six flows four live", () => balancer.FlowsAsync("--service", "web"),
            flows => flows.Count(flow => flow.State != "ended") == 4, Soon);

        var living = open.Where(flow => flow.State != "ended").ToArray();
        Assert.Equal(
            Enumerable.Range(port, 4).Select(source => $"{Lab.Client.Address}:{source}"),
            living.Select(flow => flow.Client).Order());
        Assert.All(living, flow => Assert.Equal(("established", $"{balancer.Address}:80"), (flow.State, flow.Endpoint)));
        Assert.Equal(
            living.Where(flow => flow.Backend == Lab.A.Name),
            (await balancer.FlowsAsync("--backend", Lab.A.Name)).Where(flow => flow.State != "ended"));
        Assert.Equal(2, living.Count(flow => flow.Backend == Lab.A.Name));
    }

    [Fact]
    public async Task The_metrics_equal_the_requests_that_were_made()
    {
        var balancer = await Lab.BalanceAsync(
            new BalancerPlan(Service.Web(Lab.A, Lab.B)) { Metrics = $"{MetricsPort}" });
        await Lab.Client.GetInParallelAsync(balancer, times: 6, fromPort: Lab.TakePorts(6));

        foreach (var backend in new[] { Lab.A, Lab.B })
        {
            var labels = $"service=\"tcp-80\",backend=\"{backend.Address}:80\"";
            var scrape = await Eventually.That("none of the flows lives any more", () => balancer.ScrapeAsync(MetricsPort),
                scrape => scrape.Value("ebpf_lb_flows", labels) == 0, Soon);
            Assert.Equal(3, scrape.Value("ebpf_lb_flows_opened_total", labels));

            await Eventually.That("the metrics equal the status, however often they are asked for",
                async () => (
                    Metric: (await balancer.ScrapeAsync(MetricsPort)).Value(
                        "ebpf_lb_forwarded_bytes_total", $"{labels},direction=\"to-client\""),
                    Status: (await balancer.StatusAsync()).Backends
                        .Single(told => told.Address == $"{backend.Address}:80").Traffic.ToClientBytes),
                seen => seen.Metric == seen.Status && seen.Status > 0, Soon);
        }
    }

    [Fact]
    public async Task Prometheus_scrapes_it_and_answers_every_query_of_the_dashboard()
    {
        var balancer = await Lab.BalanceAsync(
            new BalancerPlan(Service.Web(Lab.A, Lab.B)) { Metrics = $"{MetricsPort}" });
        await using var prometheus = await Lab.StartPrometheusAsync(MetricsPort);
        await using var load = await Lab.Client.StartLoadAsync(balancer);

        foreach (var query in Dashboard.Queries(seconds: 5))
            await Eventually.That($"Prometheus answers '{query}'", () => prometheus.QueryAsync(query), series => series.Count > 0, Later);

        var rates = await Eventually.That(
            "both backends get new flows",
            () => prometheus.QueryAsync("rate(ebpf_lb_flows_opened_total[5s]) > 0"), series => series.Count == 2, Later);
        Assert.Contains(rates, series => series.Contains($"{Lab.A.Address}:80", StringComparison.Ordinal));
        Assert.Contains(rates, series => series.Contains($"{Lab.B.Address}:80", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Promtool_finds_no_fault_in_the_metrics()
    {
        var balancer = await Lab.BalanceAsync(
            new BalancerPlan(Service.Web(Lab.A, Lab.B)) { Metrics = $"{MetricsPort}" });
        await using var prometheus = await Lab.StartPrometheusAsync(MetricsPort);

        Assert.Equal("", await prometheus.LintAsync(await balancer.MetricsAsync(MetricsPort)));
    }

    [Fact]
    public async Task Its_health_endpoint_answers_its_own_host_only()
    {
        var balancer = await Lab.BalanceAsync(
            new BalancerPlan(Service.Web(Lab.A)) { Metrics = $"{MetricsPort}" });

        Assert.Equal("ok\n", await balancer.HealthAsync(MetricsPort));
        Assert.Equal(ProbeResult.Refused, (await Lab.Client.ProbeTcpAsync(balancer, MetricsPort)).Result);
    }

    [Fact]
    public async Task Watch_shows_the_rates_of_a_load_until_it_is_interrupted()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));
        await using var load = await Lab.Client.StartLoadAsync(balancer);

        var (output, blocks) = await balancer.WatchAsync(lasting: TimeSpan.FromSeconds(3));

        Assert.True(output.Succeeded, $"{output}");
        Assert.NotEmpty(blocks);
        // What the service and its backends have had is read one after the other, and the load goes on meanwhile.
        Assert.All(blocks, block => Assert.Equal(
            block.OfAll, block.OfBackends.Values.Sum(), tolerance: 0.5 + (0.05 * block.OfAll)));
        Assert.Contains(blocks, block => block.OfBackends[Lab.A.Name] > 1 && block.OfBackends[Lab.B.Name] > 1);
    }

    [Collection<OfTheRunner>]
    public sealed class Tc(RunnerLab lab) : ItCanBeWatched(lab);
}
