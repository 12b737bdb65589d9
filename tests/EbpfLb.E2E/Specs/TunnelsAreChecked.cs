using EbpfLb.Lab;
using EbpfLb.Lab.Clusters;
using EbpfLb.Lab.Roles;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// In mode tunnel, with checks through the tunnel, a backend takes flows while it decapsulates and has the service's
/// address. The packets of either family are in an outer header of either.
/// </summary>
/// <remarks>On tc alone: checks are the runner's, and the units hold each hook to the outer headers.</remarks>
public abstract class TunnelsAreChecked(EcmpLab lab, Family family) : ClusterSpec(lab, family)
{
    static readonly TimeSpan AFewChecks = TimeSpan.FromSeconds(60);

    [Theory, InlineData("gue", true), InlineData("ipip", false)]
    public async Task A_backend_that_does_not_decapsulate_is_down_until_it_does(string encapsulation, bool across)
    {
        await lab.DecapsulateAsync(lab.A);
        var node = (await lab.StartNodesAsync(1, lab.TunnelPlanFor(encapsulation, across, lab.A, lab.B))).Single();
        await lab.SendsToAsync(node);

        await IsAsync(node, lab.B, "down", across);
        await IsAsync(node, lab.A, "up", across);
        var answers = await lab.Client.GetAsync(lab.Service, times: 5);
        await lab.DecapsulateAsync(lab.B);
        await IsAsync(node, lab.B, "up", across);

        Assert.All(answers, answer => Assert.Equal((lab.A.Name, lab.Service.Address), (answer.Server, answer.ServerAddress.Address)));
        await Eventually.That("the other one answers as well", () => lab.Client.GetAsync(lab.Service, times: 10),
            seen => seen.Any(answer => answer.Server == lab.B.Name), AFewChecks);
    }

    [Fact]
    public async Task A_backend_without_the_services_address_is_down_until_it_has_it()
    {
        await Task.WhenAll(lab.DecapsulateAsync(lab.A), lab.DecapsulateAsync(lab.B));
        var node = (await lab.StartNodesAsync(1, lab.TunnelPlanFor("gue", across: false, lab.A, lab.B))).Single();
        await lab.SendsToAsync(node);
        await IsAsync(node, lab.B, "up", across: false);

        await using (await lab.DisownAsync(lab.B))
        {
            await IsAsync(node, lab.B, "down", across: false);
            var answers = await lab.Client.GetAsync(lab.Service, times: 5);
            Assert.All(answers, answer => Assert.Equal(lab.A.Name, answer.Server));
        }
        await IsAsync(node, lab.B, "up", across: false);
    }

    static async Task IsAsync(Node node, FileServer server, string state, bool across) => await Eventually.That(
        $"{server.Name} is {state}", async () => (await node.Balancer.StatusAsync()).At(across ? server.HostAcross : server.Host)?.State,
        seen => seen == state, AFewChecks);

    [Collection<OverEcmp>]
    public sealed class OverIPv4(TheEcmpLab lab) : TunnelsAreChecked(lab, Family.IPv4);

    [Collection<OverEcmp>]
    public sealed class OverIPv6(TheEcmpLab lab) : TunnelsAreChecked(lab, Family.IPv6);
}
