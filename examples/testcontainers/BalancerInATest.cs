using System.Text.RegularExpressions;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;
using DotNet.Testcontainers.Networks;
using EbpfLb.Lab.Engine;
using EbpfLb.Lab.Testcontainers;

namespace EbpfLb.Examples.Testcontainers;

/// <summary>The balancer between two web servers, in a test of one's own.</summary>
public sealed partial class BalancerInATest(Engine engine)
{
    [Fact]
    public async Task Two_web_servers_answer_in_turn()
    {
        await using var network = new NetworkBuilder().WithLabel(LabEngine.Labels).Build();
        await using var one = WebServer("one", network);
        await using var two = WebServer("two", network);

        await using var lb = new EbpfLbBuilder(engine.BalancerImage).WithNetwork(network).WithService(80, one, two).Build();
        await lb.StartAsync(TestContext.Current.CancellationToken);

        var servers = await AskAsync(lb.GetBaseAddress(), times: 10);
        Assert.Equal(["one", "two"], servers.Distinct().Order());
        Assert.All(servers.Zip(servers.Skip(1)), pair => Assert.NotEqual(pair.First, pair.Second));
    }

    IContainer WebServer(string name, INetwork network) => new ContainerBuilder(engine.BackendImage)
        .WithLabel(LabEngine.Labels)
        .WithHostname(name)
        .WithNetwork(network)
        .Build();

    /// <summary>Who answers: each request takes a connection of its own, for which the balancer chooses a server.</summary>
    static async Task<IReadOnlyList<string>> AskAsync(Uri address, int times)
    {
        using var http = new HttpClient { BaseAddress = address, DefaultRequestHeaders = { ConnectionClose = true } };
        var servers = new List<string>();
        for (var request = 0; request < times; request++)
        {
            var answer = await http.GetStringAsync(new Uri("/", UriKind.Relative), TestContext.Current.CancellationToken);
            servers.Add(ServerName().Match(answer).Groups[1].Value);
        }
        return servers;
    }

    [GeneratedRegex(@"^Server name: (\S+)", RegexOptions.Multiline)]
    private static partial Regex ServerName();
}
