using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>A backend may be a name that servers come to share, and may have to be looked for on the link.</summary>
public abstract class BackendsAreFollowed(HookLab lab) : Spec(lab)
{
    static readonly TimeSpan AFewResolutions = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task No_request_is_lost_while_the_link_addresses_of_backends_and_clients_are_unknown()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));
        await Lab.Host.ForgetNeighboursAsync();

        var answers = await Lab.Client.GetAsync(balancer, times: 2);

        Assert.Equal(2, answers.Select(answer => answer.Server).Distinct().Count());
    }

    /// <summary>
    /// On one hook also that a name is followed: resolving it is the runner's, and what comes of it is in the tables, which
    /// every hook reads alike.
    /// </summary>
    [Collection<OfTheRunner>]
    public sealed class Tc(RunnerLab lab) : BackendsAreFollowed(lab)
    {
        [Fact]
        public async Task A_server_that_joins_gets_requests_and_open_connections_stay()
        {
            var first = await Lab.StartBackendAsync("web_pool");
            var balancer = await Lab.BalanceAsync(Service.WebOfPool("web_pool"));
            await using var connection = await Lab.Client.ConnectAsync(balancer, fromPort: 20004);
            await connection.GetAsync("/before");

            var second = await Lab.StartBackendAsync("web_pool");

            await Eventually.That("of two requests each server answers one",
                async () => (await Lab.Client.GetAsync(balancer, times: 2)).Select(answer => answer.Server).ToHashSet(),
                servers => servers.SetEquals([first.Name, second.Name]), AFewResolutions);
            Assert.Equal(first.Name, (await connection.GetAsync("/after")).Server);
        }

        [Fact]
        public async Task A_server_that_joins_under_load_loses_no_request()
        {
            await Lab.StartBackendAsync("pool_under_load");
            // Its name is known before the server listens, which a check waits for.
            var balancer = await Lab.BalanceAsync(
                Service.WebOfPool("pool_under_load") with { Health = ["tcp", "every=1s", "timeout=1s"] });
            await using var load = await Lab.Client.StartLoadAsync(balancer);

            var second = await Lab.StartBackendAsync("pool_under_load");
            await Eventually.That("the second one gets requests",
                second.RequestsAsync, requests => requests.Count > 0, AFewResolutions);
            var tally = await load.StopAsync();

            tally.LostNothing();
            Assert.Contains(tally.Answers, answer => answer.Server == second.Name);
        }
    }

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : BackendsAreFollowed(lab);
}
