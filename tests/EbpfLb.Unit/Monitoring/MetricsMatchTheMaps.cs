using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using EbpfLb.Configuration;
using EbpfLb.Metrics;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;
using Microsoft.Extensions.Primitives;
using Microsoft.Extensions.Time.Testing;
using static EbpfLb.Unit.Snapshots;
using QueryCollection = Microsoft.AspNetCore.Http.QueryCollection;

namespace EbpfLb.Unit.Monitoring;

/// <summary>A scrape shows what the kernel has counted, no more and no less, however often it is made.</summary>
public sealed partial class MetricsMatchTheMaps : IDisposable
{
    static readonly BackendSnapshot A = new(Hosts.Ip4.BackendA, 80, 1, "web-a");
    static readonly BackendSnapshot B = new(Hosts.Ip4.BackendB, 80, 3, "web-b");

    readonly Balancer _lb = Balancer.On(Hook.Tc, Balancer.Defaults);
    readonly FakeTimeProvider _time = new();
    readonly LoopMetrics _loop;
    readonly MetricsEndpoint _site;

    public MetricsMatchTheMaps()
    {
        _loop = new(_time);
        _site = MetricsEndpoint.Create("eth0", _lb.Tables, _loop);
        _lb.Tables.Instance.Set(0, new() { Hook = (uint)HookKind.Tc });
        Apply(A, B);
    }

    public void Dispose() => _lb.Dispose();

    [Fact]
    public void Packets_by_reason_and_by_backend_and_direction()
    {
        var syn = new TcpPacket(Hosts.Ip4.Alice.Port(40001), Hosts.Ip4.Web, Tcp.Syn);
        var flow = TestFlow.From(_lb.Receive(syn));
        _lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack) with { Payload = Some.Bytes(100) });
        _lb.Receive(flow.FromClient(Tcp.Ack));
        _lb.Receive(new TcpPacket(Hosts.Ip4.Alice.Port(40009), Hosts.Ip4.Balancer.Port(22), Tcp.Syn));

        Scrape(); // changes nothing
        var metrics = Scrape();

        var backend = $"service=\"web\",backend=\"{flow.Backend}\"";
        Assert.Equal(2, metrics["ebpf_lb_packets_total{reason=\"sent-to-backend\"}"]);
        Assert.Equal(1, metrics["ebpf_lb_packets_total{reason=\"sent-to-client\"}"]);
        Assert.Equal(1, metrics["ebpf_lb_packets_total{reason=\"pass-no-service\"}"]);
        Assert.Equal(0, metrics["ebpf_lb_packets_total{reason=\"refuse-no-backend\"}"]);
        Assert.Equal(1, metrics[$"ebpf_lb_flows_opened_total{{{backend}}}"]);
        Assert.Equal(1, metrics[$"ebpf_lb_flows{{{backend}}}"]);
        Assert.Equal(2, metrics[$"ebpf_lb_forwarded_packets_total{{{backend},direction=\"to-backend\"}}"]);
        Assert.Equal(1, metrics[$"ebpf_lb_forwarded_packets_total{{{backend},direction=\"to-client\"}}"]);
        Assert.Equal(2 * syn.IpLength, metrics[$"ebpf_lb_forwarded_bytes_total{{{backend},direction=\"to-backend\"}}"]);
        Assert.Equal(syn.IpLength + 100, metrics[$"ebpf_lb_forwarded_bytes_total{{{backend},direction=\"to-client\"}}"]);
    }

    [Fact]
    public void Backends_with_their_weights_and_names_while_they_are_there()
    {
        var before = Scrape();
        new Reconciler(_lb.Tables).Apply([Web(A)], [Hosts.Ip4.Balancer], new Dictionary<uint, int>());
        var after = Scrape();

        Assert.Equal(1, before["ebpf_lb_backend_weight{service=\"web\",backend=\"10.7.0.11:80\"}"]);
        Assert.Equal(3, before["ebpf_lb_backend_weight{service=\"web\",backend=\"10.7.0.12:80\"}"]);
        Assert.Equal(1, before["ebpf_lb_backend_state{service=\"web\",backend=\"10.7.0.12:80\",state=\"unchecked\"}"]);
        Assert.Equal(0, before["ebpf_lb_backend_state{service=\"web\",backend=\"10.7.0.12:80\",state=\"down\"}"]);
        Assert.Equal(1, before["ebpf_lb_backend_info{service=\"web\",backend=\"10.7.0.12:80\",host=\"web-b\"}"]);
        Assert.Contains(after.Keys, key => key.Contains("10.7.0.11", StringComparison.Ordinal));
        Assert.DoesNotContain(after.Keys, key => key.Contains("10.7.0.12", StringComparison.Ordinal));
    }

    [Fact]
    public void The_hook_and_the_flow_limit()
    {
        var metrics = Scrape();

        Assert.Equal(1, Assert.Single(metrics, metric => metric.Key.StartsWith(
            "ebpf_lb_info{interface=\"eth0\",hook=\"tc\",version=", StringComparison.Ordinal)).Value);
        Assert.Equal(_lb.Tables.Flows.MaxEntries / 2, metrics["ebpf_lb_flows_limit"]);
        Assert.Equal(0, metrics["ebpf_lb_events_lost_total"]);
    }

    [Fact]
    public void The_work_of_the_loop()
    {
        foreach (var changes in new[] { 3, 0 })
        {
            _loop.ObservePass(() =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(1500));
                return (changes, IsWhole: true);
            });
        }
        _loop.ObservePass(() => (4, IsWhole: false));
        _loop.ObserveGc(new(0, TimeSpan.FromSeconds(2), new Dictionary<uint, int>()));

        var metrics = Scrape();

        Assert.Equal(
            (2, 3, 7), (metrics["ebpf_lb_reconcile_duration_seconds_count"],
                metrics["ebpf_lb_reconcile_duration_seconds_sum"], metrics["ebpf_lb_reconcile_changes_total"]));
        Assert.Equal(
            (1, 2), (metrics["ebpf_lb_sweep_duration_seconds_count"], metrics["ebpf_lb_sweep_duration_seconds_sum"]));
    }

    [Fact]
    public void Health_is_that_the_loop_makes_its_passes()
    {
        _time.Advance(LoopMetrics.MaxSilence);
        var inTime = Health();
        _time.Advance(TimeSpan.FromSeconds(13));
        var late = Health();
        _loop.ObservePass(() => (4, IsWhole: false));
        var inPart = Health();
        _loop.ObservePass(() => (0, IsWhole: true));
        var again = Health();

        Assert.Equal(
            (HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable, HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK),
            (inTime.Status, late.Status, inPart.Status, again.Status));
        Assert.StartsWith(
            "No reconcile pass for 33 s: packets are still balanced", Encoding.UTF8.GetString(late.Body), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("service", "web", null, HttpStatusCode.OK, "service 'web' has 2 backends that take new flows")]
    [InlineData("service", "web", "3", HttpStatusCode.ServiceUnavailable, "service 'web' has 2 backends that take new flows, and 3 are needed")]
    [InlineData("service", "wbe", null, HttpStatusCode.NotFound, "no service is named 'wbe'; there are: web")]
    [InlineData("service", null, "1", HttpStatusCode.OK, "service 'web' has 2 backends that take new flows")]
    [InlineData("service", "", null, HttpStatusCode.BadRequest, "service: the name is missing. Ask with service=NAME, or leave it out to ask about the balancer.")]
    [InlineData("service", "web", "", HttpStatusCode.BadRequest, "min-backends: '' is not a number of backends. Use a whole number from 0 on.")]
    [InlineData("service", "web", "all", HttpStatusCode.BadRequest, "min-backends: 'all' is not a number of backends. Use a whole number from 0 on.")]
    [InlineData("services", "web", null, HttpStatusCode.BadRequest, "'services' is unknown here. Ask with service=NAME and min-backends=NUMBER.")]
    public void Health_of_a_service_is_that_its_backends_take_flows(
        string key, string? name, string? minBackends, HttpStatusCode status, string text)
    {
        var query = new QueryCollection(new Dictionary<string, StringValues> { [key] = name, ["min-backends"] = minBackends });

        var answer = TestNetwork.Shared.Inside(() => _site.Respond("/healthz", query));

        Assert.Equal((status, $"{text}\n"), (answer.Status, Encoding.UTF8.GetString(answer.Body)));
    }

    [Theory]
    [InlineData("dashboard.json")]
    [InlineData("alerts.yaml")]
    public void Every_metric_of_the_dashboard_and_the_alerts(string name)
    {
        using var file = GetType().Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(file);
        var asked = Metric().Matches(reader.ReadToEnd()).Select(match => match.Value).ToHashSet();

        Assert.NotEmpty(asked);
        Assert.Subset(Scrape().Keys.Select(series => series.Split('{')[0]).ToHashSet(), asked);
    }

    /// <summary>A query takes the rate of a counter, and the value of a gauge: another type would make nonsense of it.</summary>
    [Fact]
    public void Each_is_of_its_type() => Assert.Equal(
        [
            "ebpf_lb_backend_info gauge", "ebpf_lb_backend_state gauge", "ebpf_lb_backend_weight gauge",
            "ebpf_lb_events_lost_total counter", "ebpf_lb_flow_entries_evicted_total counter", "ebpf_lb_flows gauge", "ebpf_lb_flows_limit gauge",
            "ebpf_lb_flows_opened_total counter", "ebpf_lb_forwarded_bytes_total counter",
            "ebpf_lb_forwarded_packets_total counter", "ebpf_lb_info gauge", "ebpf_lb_interface_up gauge",
            "ebpf_lb_nat_ports_taken_over_total counter", "ebpf_lb_nat_rests_cut_short_total counter",
            "ebpf_lb_packets_total counter",
            "ebpf_lb_reconcile_changes_total counter", "ebpf_lb_reconcile_duration_seconds histogram",
            "ebpf_lb_sweep_duration_seconds histogram",
        ],
        ScrapedLines().Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal))
            .Select(line => line["# TYPE ".Length..]).Order(StringComparer.Ordinal));

    [Fact]
    public void Nothing_stands_anywhere_else() => Assert.Equal(HttpStatusCode.NotFound, _site.Respond("/").Status);

    /// <summary>Asked where the interfaces are.</summary>
    HttpResponse Health() => TestNetwork.Shared.Inside(() => _site.Respond("/healthz"));

    void Apply(params BackendSnapshot[] backends) => new Reconciler(_lb.Tables).Apply([Web(backends)], [Hosts.Ip4.Balancer]);

    [GeneratedRegex("ebpf_lb_[a-z_]+")]
    private static partial Regex Metric();

    /// <summary>Values by name and labels. Each series stands once, under a type and a help text.</summary>
    Dictionary<string, double> Scrape() => ScrapedLines().Where(line => !line.StartsWith('#')).ToDictionary(
        line => line[..line.LastIndexOf(' ')],
        line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    string[] ScrapedLines()
    {
        var answer = _site.Respond("/metrics");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.StartsWith("text/plain; version=0.0.4", answer.ContentType, StringComparison.Ordinal);
        return Encoding.UTF8.GetString(answer.Body).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
