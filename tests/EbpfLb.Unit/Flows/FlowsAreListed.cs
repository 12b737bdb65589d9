using System.Net;
using System.Text.Json;
using EbpfLb.Abi;
using EbpfLb.Commands;
using EbpfLb.Flows;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Flows;

/// <summary>The flows that the maps hold are told: whose they are, how far they have come, and what they carry.</summary>
public sealed class FlowsAreListed : IDisposable
{
    static readonly IPEndPoint A = Hosts.Ip4.BackendA.Port(80);
    static readonly IPEndPoint B = Hosts.Ip4.BackendB.Port(80);
    static readonly IPEndPoint Names = Hosts.Ip4.BackendC.Port(53);

    readonly Balancer _lb = Balancer.On(Hook.Tc, Balancer.Defaults);
    readonly TestService _web;
    readonly TestService _dns;

    public FlowsAreListed()
    {
        _web = _lb.ServeTcp(Hosts.Ip4.Web, A, B);
        _dns = _lb.ServeUdp(Hosts.Ip4.Balancer.Port(53), Names);
        Label("web", "dns", "a", "b", "c");
    }

    public void Dispose()
    {
        Label("", "", "", "", "");
        _lb.Dispose();
    }

    [Fact]
    public void With_both_endpoints_and_their_traffic_each_way()
    {
        var flow = Establish(Hosts.Ip4.Alice.Port(40001));
        _lb.Receive(flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(1000) });

        var row = Assert.Single(List());

        var empty = (ulong)flow.FromClient(Tcp.Ack).IpLength;
        Assert.Equal(
            new FlowRow
            {
                Interface = "eth0",
                State = "established",
                Protocol = "tcp",
                Client = "10.7.0.101:40001",
                Service = "web",
                Endpoint = "10.7.0.1:80",
                Backend = "a",
                BackendAddress = "10.7.0.11:80",
                ToBackendPackets = 2,
                ToBackendBytes = 2 * empty,
                ToClientPackets = 2,
                ToClientBytes = (2 * empty) + 1000,
            },
            row with { Age = 0, Idle = 0 });
    }

    [Fact]
    public void By_their_state()
    {
        _lb.Open(Hosts.Ip4.Alice.Port(40001), _web);
        Establish(Hosts.Ip4.Alice.Port(40002));
        _lb.Receive(Establish(Hosts.Ip4.Alice.Port(40003)).FromBackend(Tcp.Rst));

        var states = List().OrderBy(row => row.Client).Select(row => row.State);

        Assert.Equal(["opening", "established", "ended"], states);
    }

    [Theory]
    [InlineData(null, null, null, "alice-a alice-b alice-c bob-a")]
    [InlineData("10.7.0.101", null, null, "alice-a alice-b alice-c")]
    [InlineData("10.7.0.96/29", null, null, "alice-a alice-b alice-c bob-a")]
    [InlineData("10.7.0.102/31", null, null, "bob-a")]
    [InlineData("0.0.0.0/0", null, null, "alice-a alice-b alice-c bob-a")]
    [InlineData("fd07::/16", null, null, "")]
    [InlineData("::/0", null, null, "alice-a alice-b alice-c bob-a")]
    [InlineData(null, "web", null, "alice-a alice-b bob-a")]
    [InlineData(null, null, "a", "alice-a bob-a")]
    [InlineData(null, null, "10.7.0.12", "alice-b")]
    [InlineData(null, null, "10.7.0.13:53", "alice-c")]
    [InlineData(null, null, "10.7.0.13:54", "")]
    [InlineData("10.7.0.101", "web", "a:80", "alice-a")]
    public void Only_those_that_match_the_filter(string? client, string? service, string? backend, string expected)
    {
        _lb.Open(Hosts.Ip4.Alice.Port(40001), _web);
        _lb.Open(Hosts.Ip4.Alice.Port(40002), _web);
        _lb.Open(Hosts.Ip4.Bob.Port(40001), _web);
        _lb.Open(Hosts.Ip4.Alice.Port(40001), _dns);
        var filter = new FlowFilter(
            client is null ? null : AddressPrefix.TryParse(client)!.Value, service,
            backend is null ? null : BackendPattern.TryParse(backend)!);

        var rows = List(new(filter, null, null));

        Assert.Equal(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries), rows.Select(Name).Order());

        static string Name(FlowRow row) =>
            (row.Client.StartsWith("10.7.0.101:", StringComparison.Ordinal) ? "alice-" : "bob-") + row.Backend;
    }

    [Theory]
    [InlineData("bytes", "40003 40001")]
    [InlineData("packets", "40002 40003")]
    [InlineData("age", "40001 40002")]
    public void Largest_first_by_the_sort_key(string order, string expected)
    {
        var (first, second, third) = (
            Establish(Hosts.Ip4.Alice.Port(40001)), Establish(Hosts.Ip4.Alice.Port(40002)), Establish(Hosts.Ip4.Alice.Port(40003)));
        _lb.Receive(first.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(500) });
        for (var i = 0; i < 3; i++)
            _lb.Receive(second.FromClient(Tcp.Ack));
        _lb.Receive(third.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(1000) });
        _lb.Receive(third.FromClient(Tcp.Ack));

        var rows = List(new(new FlowFilter(), FlowOrder.TryParse(order), Limit: 2));

        Assert.Equal(expected.Split(' '), rows.Select(row => row.Client.Split(':')[1]));
    }

    [Fact]
    public void Longest_idle_first()
    {
        Establish(Hosts.Ip4.Alice.Port(40001));
        Establish(Hosts.Ip4.Alice.Port(40002));
        _lb.Pass(TimeSpan.FromMinutes(1));
        Establish(Hosts.Ip4.Alice.Port(40003));

        var rows = List(new(new FlowFilter(), FlowOrder.TryParse("idle"), null));

        Assert.Equal("10.7.0.101:40003", rows[^1].Client);
        Assert.All(rows[..2], row => Assert.InRange(row.Idle, 60, 120));
        Assert.InRange(rows[^1].Idle, 0, 59);
    }

    [Fact]
    public void No_flow_idles_for_longer_than_its_age()
    {
        for (var client = 1; client <= 20; client++)
            Establish(Hosts.Ip4.Alice.Port(40000 + client));

        var rows = List();

        Assert.Equal(20, rows.Length);
        Assert.All(rows, row => Assert.InRange(row.Idle, 0, row.Age));
    }

    [Fact]
    public void Within_the_terminals_width_and_what_was_left_out_is_named()
    {
        Establish(Hosts.Ip4.Alice.Port(40001));
        using var output = new StringWriter { NewLine = "\n" };

        new FlowTable(output, asJson: false, width: 80).Write(new(new FlowFilter(), null, null), [Source()], TestContext.Current.CancellationToken);

        var lines = output.ToString().TrimEnd('\n').Split('\n');
        Assert.Equal(["1 flow", "a wider terminal shows PROTO, PACKETS IN, PACKETS OUT, AGE, IDLE"], lines[2..]);
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
        Assert.StartsWith("established 10.7.0.101:40001      web      a 10.7.0.11:80 ", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void With_the_total_if_only_some_are_shown()
    {
        for (var client = 1; client <= 5; client++)
            _lb.Open(Hosts.Ip4.Alice.Port(40000 + client), _web);
        using var output = new StringWriter();

        new FlowTable(output, asJson: false).Write(new(new FlowFilter(), null, Limit: 2), [Source()], TestContext.Current.CancellationToken);

        var lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal((4, "2 of 5 flows"), (lines.Length, lines[^1]));
        Assert.Single(lines[..^1].Select(line => line.Length).Distinct());
    }

    [Fact]
    public void As_none_if_there_are_none() => Assert.Empty(List());

    void Label(string web, string dns, string a, string b, string c)
    {
        _lb.Tables.ServiceLabels.Set(_web.Id, LbLabel.From(web));
        _lb.Tables.ServiceLabels.Set(_dns.Id, LbLabel.From(dns));
        _lb.Tables.BackendLabels.Set(_web.Backends[A], LbLabel.From(a));
        _lb.Tables.BackendLabels.Set(_web.Backends[B], LbLabel.From(b));
        _lb.Tables.BackendLabels.Set(_dns.Backends[Names], LbLabel.From(c));
    }

    TestFlow Establish(IPEndPoint client)
    {
        var flow = _lb.Open(client, _web);
        _lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        _lb.Receive(flow.FromClient(Tcp.Ack));
        return flow;
    }

    FlowSource Source() => new("eth0", _lb.Tables, TimeProvider.System);

    /// <summary>As scripts read them.</summary>
    FlowRow[] List(FlowQuery? query = null)
    {
        using var output = new StringWriter();
        new FlowTable(output, asJson: true).Write(
            query ?? new(new FlowFilter(), null, null), [Source()], TestContext.Current.CancellationToken);
        return JsonSerializer.Deserialize<FlowRow[]>(output.ToString(), JsonSerializerOptions.Web)!;
    }
}
