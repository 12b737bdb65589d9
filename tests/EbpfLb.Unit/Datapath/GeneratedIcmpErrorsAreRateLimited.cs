using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>However many packets can go no further, only so many errors of the balancer's own go out.</summary>
public sealed class GeneratedIcmpErrorsAreRateLimited
{
    /// <summary>So many may go out at once, on each processor.</summary>
    const ulong Burst = 50;

    [Theory, OnEveryHook]
    public void Errors_beyond_the_limit_are_counted_and_not_sent(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with { IcmpPerSecond = 1 });
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var late = Some.Syn(hosts) with { Ttl = 1 };

        var processors = (ulong)Environment.ProcessorCount;
        var flood = 1000 + (processors * Burst);
        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0ul; i < flood; i++)
        {
            var outcome = lb.Deliver(late);
            if (outcome.Verdict != Verdict.Drop)
                outcome.IsAnsweredBy(OwnError.TimeExceeded(late));
        }
        var refilled = processors * ((ulong)TimeProvider.System.GetElapsedTime(began).TotalSeconds + 1);

        var reasons = lb.Reasons();
        Assert.InRange(reasons[LbReason.SentTimeExceeded], Burst, (processors * Burst) + refilled);
        Assert.Equal(flood - reasons[LbReason.SentTimeExceeded], reasons[LbReason.DropIcmpLimit]);
    }

    /// <summary>The budget is a processor's: on one, a quiet while is worth as many as may go at once, and each second one more.</summary>
    [Theory, OnEveryHook(1u), OnEveryHook(5u)]
    public async Task One_processor_sends_no_more_and_no_fewer(Hook hook, Hosts hosts, uint perSecond)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with { IcmpPerSecond = perSecond });
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var late = Some.Syn(hosts) with { Ttl = 1 };
        var took = TimeSpan.Zero;

        await TestNetwork.Shared.Beside(() =>
        {
            Processor.Keep();
            var began = TimeProvider.System.GetTimestamp();
            for (var i = 0ul; i < 2 * Burst; i++)
                lb.Deliver(late);
            took = TimeProvider.System.GetElapsedTime(began);
        });

        Assert.InRange(
            lb.Reasons()[LbReason.SentTimeExceeded], Burst, Burst + (ulong)(took.TotalSeconds * perSecond));
    }
}
