using EbpfLb.Events;
using EbpfLb.Flows;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EbpfLb.Unit.Events;

/// <summary>Events beyond the limit of their kind are summed up in one line a second.</summary>
public sealed class SuppressedEventsAreSummedUp
{
    const int Limit = 5;
    const int Packets = 100;

    readonly FakeTimeProvider _time = new();

    [Fact]
    public void The_line_has_the_number_of_each_kind()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults with { EventsPerSecond = Limit });
        lb.ServeTcp(Hosts.Ip4.Web);
        using var output = new StringWriter { NewLine = "\n" };
        using (var reporter = new FlowReporter(
            lb.Tables.Events, new(lb.Tables, Limit, _time), new EventLines(output, _ => "web"), "ready", NullLogger<FlowReporter>.Instance))
        {
            Refuse(lb);
            for (var i = 0; i < Limit + 2; i++)
                reporter.ReportExpired(default, default, default, FlowEnd.Idle);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        var lines = $"{output}".Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var refused = lines.Count(line => line.StartsWith("no-backend ", StringComparison.Ordinal));
        Assert.InRange(refused, Limit, Packets - 1);
        Assert.Equal(Limit, lines.Count(line => line.StartsWith("expired ", StringComparison.Ordinal)));
        Assert.Equal(
            [$"suppressed {Packets - refused} refused, 2 expired events in the last second (events-per-second)"],
            lines.Where(line => line.StartsWith("suppressed", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_summary_is_written_once_a_second_and_only_after_suppression()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults with { EventsPerSecond = Limit });
        lb.ServeTcp(Hosts.Ip4.Web);
        Refuse(lb); // before the balancer's start: not its own
        var suppressed = new SuppressedEvents(lb.Tables, Limit, _time);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(suppressed.TakeSummary());
        Refuse(lb);
        _time.Advance(TimeSpan.FromSeconds(0.9));
        Assert.Null(suppressed.TakeSummary());
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.EndsWith(" refused", suppressed.TakeSummary(), StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(suppressed.TakeSummary());
    }

    [Theory]
    [InlineData(Limit, Limit), InlineData(0, 20)]
    public void Flows_that_expire_have_the_limit_each_second_anew(uint limit, int reported)
    {
        using var lb = Balancer.On(Hook.Tc);
        var suppressed = new SuppressedEvents(lb.Tables, limit, _time);

        for (var second = 0; second < 3; second++)
        {
            Assert.Equal(reported, Enumerable.Range(0, 20).Count(_ => suppressed.TryTakeExpired()));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(limit == 0 ? null : "45 expired", suppressed.TakeSummary());
    }

    static void Refuse(Balancer lb)
    {
        for (var port = 0; port < Packets; port++)
            lb.Receive(new TcpPacket(Hosts.Ip4.Bob.Port(40001 + port), Hosts.Ip4.Web, Tcp.Syn));
    }
}
