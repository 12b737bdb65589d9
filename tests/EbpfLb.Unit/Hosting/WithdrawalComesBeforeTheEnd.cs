using System.Net;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;
using EbpfLb.Unit.Reconcile;

namespace EbpfLb.Unit.Hosting;

/// <summary>With <c>withdraw-for</c> a balancer that is asked to end is unhealthy first, and goes on meanwhile.</summary>
[Collection(Lanes.Patient)]
public sealed class WithdrawalComesBeforeTheEnd
{
    const int MetricsPort = 9464;

    static readonly string[] Flags =
        ["--interface", Machine.Interface, "--hook", "tc", "--listen", ":80", "--backend", "10.9.3.1", "--metrics", $"{MetricsPort}"];

    readonly Machine _machine;

    public WithdrawalComesBeforeTheEnd()
    {
        Capabilities.RequireDatapath();
        _machine = new();
    }

    [Fact]
    public async Task It_is_unhealthy_and_attached_while_it_withdraws()
    {
        using var runner = new RunnerProcess(_machine, [.. Flags, "--withdraw-for", "1h"]);
        await runner.UntilAsync("ready: ");
        Assert.Equal(0, _machine.Type("healthy").Code);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync("/healthz?service=tcp-80")).Status);

        await runner.AskToEndAsync();
        await runner.UntilAsync("withdrawing: unhealthy and forwarding for 1h, then the end");
        var (code, sentence, _) = _machine.Type("healthy --service tcp-80");
        var links = _machine.Inside(() => Machine.Links());

        Assert.Equal(1, code);
        Assert.Matches(@"^unhealthy: the balancer on eth0\.7 withdraws, and ends in 3[56]\d\d s\n$", sentence);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "The balancer withdraws, and ends soon.\n"), await AskAsync("/healthz"));
        Assert.Contains("withdrawing, ends in ", _machine.Type("status").Output, StringComparison.Ordinal);
        Assert.Equal(["link_tc_eth0:7"], links);
    }

    [Fact]
    public async Task It_is_detached_once_it_has_withdrawn()
    {
        using var runner = new RunnerProcess(_machine, [.. Flags, "--withdraw-for", "1s"]);
        await runner.UntilAsync("ready: ");

        await runner.AskToEndAsync();

        Assert.Equal(0, await runner.ExitCodeAsync());
        Assert.Contains("nothing is attached", _machine.Type("status").Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_signal_ends_the_withdrawal_at_once()
    {
        using var runner = new RunnerProcess(_machine, [.. Flags, "--withdraw-for", "1h"]);
        await runner.UntilAsync("ready: ");

        await runner.AskToEndAsync();
        await runner.UntilAsync("withdrawing: unhealthy and forwarding for 1h, then the end. A second signal ends it now.");
        await runner.AskToEndAsync();

        Assert.Equal(0, await runner.ExitCodeAsync());
        Assert.Contains("nothing is attached", _machine.Type("status").Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_next_process_is_healthy_again()
    {
        using (var former = new RunnerProcess(_machine, [.. Flags, "--withdraw-for", "1s", "--leave-attached"]))
        {
            await former.UntilAsync("ready: ");
            await former.AskToEndAsync();
            Assert.Equal(0, await former.ExitCodeAsync());
        }
        using var next = new RunnerProcess(_machine, [.. Flags, "--withdraw-for", "1s", "--leave-attached"]);
        await next.UntilAsync("ready: ");

        Assert.Equal(0, _machine.Type("healthy --service tcp-80").Code);
    }

    async Task<(HttpStatusCode Status, string Text)> AskAsync(string path)
    {
        using var http = _machine.Http(MetricsPort);
        using var answer = await http.GetAsync(path, TestContext.Current.CancellationToken);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
