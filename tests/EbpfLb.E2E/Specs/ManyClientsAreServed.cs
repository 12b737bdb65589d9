using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>Any number of clients may come at once: each gets all of its own answers, and nobody else's.</summary>
public abstract class ManyClientsAreServed(HookLab lab) : Spec(lab)
{
    [Fact]
    public async Task Two_clients_may_use_the_same_port_at_the_same_time_to_the_same_backend()
    {
        var port = Lab.TakePorts(1);
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A));

        await using var one = await Lab.Client.ConnectAsync(balancer, port);
        await using var other = await Lab.OtherClient.ConnectAsync(balancer, port);
        var answers = new[]
        {
            await one.GetAsync("/one/1"), await other.GetAsync("/other/1"),
            await one.GetAsync("/one/2"), await other.GetAsync("/other/2"),
        };

        Assert.Equal(["/one/1", "/other/1", "/one/2", "/other/2"], answers.Select(answer => answer.Uri));
    }

    [Fact]
    public async Task Two_clients_may_use_two_hundred_of_the_same_ports_to_the_same_backend()
    {
        var ports = Lab.TakePorts(200);
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A));

        var answers = await Task.WhenAll(
            Lab.Client.GetInParallelAsync(balancer, times: 200, fromPort: ports),
            Lab.OtherClient.GetInParallelAsync(balancer, times: 200, fromPort: ports));

        Assert.All(answers, all => Assert.Equal(
            Enumerable.Range(ports, 200), all.Select(answer => answer.Client.Port).Order()));
        await AccessLogs.AssertTellTheSameAsync([.. answers[0], .. answers[1]], Lab.A);
    }

    [Fact]
    public async Task Two_clients_with_200_connections_each_are_answered_by_the_selected_backends()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));

        var answers = await Task.WhenAll(
            Lab.Client.GetInParallelAsync(balancer, times: 200),
            Lab.OtherClient.GetInParallelAsync(balancer, times: 200));

        Assert.All(answers, all => Assert.Equal(200, all.Select(answer => answer.Client).Distinct().Count()));
        await AccessLogs.AssertTellTheSameAsync([.. answers[0], .. answers[1]], Lab.A, Lab.B);
    }

    [Fact]
    public async Task Many_connections_are_distributed_evenly()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));

        await Lab.Client.GetInParallelAsync(balancer, times: 200);

        // A client may give up a connection and open another: so each of them counts, not each answer.
        var opened = (await balancer.StatusAsync()).Backends
            .Select(backend => backend.Traffic.Opened).Where(connections => connections > 0).Order().ToArray();
        Assert.Equal(2, opened.Length);
        Assert.InRange(opened[0], 100, long.MaxValue);
        Assert.InRange(opened[1] - opened[0], 0, 1);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : ManyClientsAreServed(lab);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : ManyClientsAreServed(lab);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : ManyClientsAreServed(lab);
}
