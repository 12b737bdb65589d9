using System.Net;
using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// Backends that own the service's address answer clients themselves: they see who asks, and what they say does not pass
/// through the balancer.
/// </summary>
public abstract class DirectServerReturn(HookLab lab, Family family) : Spec(lab, family)
{
    [Fact]
    public async Task Backends_answer_in_turn_and_see_the_clients_address()
    {
        var (one, other) = (await Lab.StartDirectBackendAsync(), await Lab.StartDirectBackendAsync());
        var balancer = await Lab.BalanceAsync(Service.Web(one, other) with { Mode = "dsr" });

        var answers = await Lab.Client.GetAsync(balancer, times: 10);

        Turns.AssertExact(answers.Select(answer => answer.Server), one, other);
        Assert.All(answers, answer => Assert.Equal(balancer.Address, answer.ServerAddress.Address));
        await AccessLogs.AssertTellTheSameAsync(answers, one, other);
        await AccessLogs.AssertNameTheClientAsync(answers, one, other);
    }

    [Fact]
    public async Task A_large_download_arrives_and_nothing_of_it_passes_through_the_balancer()
    {
        var server = await Lab.StartDirectFileServerAsync();
        var file = await server.CreateFileAsync(SuiteSize.LargeTransfer);
        var balancer = await Lab.BalanceAsync(Service.Web(server) with { Mode = "dsr" });

        var arrived = await Lab.Client.DownloadAsync(balancer, file);

        Assert.Equal(file, arrived);
        var service = Assert.Single((await balancer.StatusAsync()).Services);
        Assert.Equal("dsr", service.Mode);
        Assert.InRange(service.Traffic.ToBackendBytes, 1, file.Bytes / 10);
        Assert.Equal((0, 0), (service.Traffic.ToClientPackets, service.Traffic.ToClientBytes));
    }

    [Fact]
    public async Task A_large_upload_arrives()
    {
        var server = await Lab.StartDirectSocketServerAsync();
        var balancer = await Lab.BalanceAsync(Service.Web(server) with { Mode = "dsr" });

        var upload = await Lab.Client.UploadAsync(balancer, SuiteSize.LargeTransfer);

        Assert.Equal(upload.Sent, upload.Arrived);
    }

    [Fact]
    public async Task Name_servers_answer_udp_queries_in_turn()
    {
        var (one, other) = (await Lab.StartDirectNameServerAsync(), await Lab.StartDirectNameServerAsync());
        var balancer = await Lab.BalanceAsync(Service.Dns(one, other) with { Mode = "dsr" });

        var names = await Lab.Client.AskWhoAsync(balancer, times: 10);

        Assert.Equal(10, names.Count);
        Turns.AssertExact(names, one, other);
    }

    [Fact]
    public async Task Flows_are_reported_with_the_backend_that_answers()
    {
        var backend = await Lab.StartDirectBackendAsync();
        var balancer = await Lab.BalanceAsync(Service.Web(backend) with { Mode = "dsr" });

        var answer = await Lab.Client.GetAsync(balancer);

        var lines = await Eventually.That("the flow is reported from its start to its end", balancer.LinesAsync,
            seen => seen.Count == 3, TimeSpan.FromSeconds(20), seen => string.Join('\n', seen));
        var flow = $"tcp {answer.Client} -> tcp-80 {answer.ServerAddress} => {new IPEndPoint(backend.Address, 80)}";
        Assert.Equal($"opened {flow}", lines[1]);
        Assert.StartsWith($"closed {flow} ", lines[2], StringComparison.Ordinal);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : DirectServerReturn(lab, Family.IPv4);

    [Collection<OverTcAndIPv6>]
    public sealed class TcOverIPv6(OtherTcLab lab) : DirectServerReturn(lab, Family.IPv6);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : DirectServerReturn(lab, Family.IPv4);

    [Collection<OverGenericXdpAndIPv6>]
    public sealed class GenericXdpOverIPv6(OtherGenericXdpLab lab) : DirectServerReturn(lab, Family.IPv6);
}
