using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.E2E.Specs;

/// <summary>One service may have every port of its host; its backends are asked at the port that the client asked.</summary>
public abstract class AnyPortMayBeAService(HookLab lab) : Spec(lab)
{
    [Fact]
    public async Task Connections_to_different_ports_reach_the_backends_same_ports()
    {
        var balancer = await Lab.BalanceAsync(Service.OnAnyPort("tcp", Lab.SocketsA));

        var one = await Lab.Client.HearFromAsync(balancer, SocketServer.OnePort);
        var other = await Lab.Client.HearFromAsync(balancer, SocketServer.OtherPort);

        Assert.Equal(($"{SocketServer.OnePort}", $"{SocketServer.OtherPort}"), (one, other));
    }

    [Fact]
    public async Task Datagrams_keep_their_port_too_and_a_service_of_one_port_takes_precedence()
    {
        var balancer = await Lab.BalanceAsync(Service.OnAnyPort("udp", Lab.NamesA), Service.Echo(Lab.SocketsA));

        var answered = await Lab.Client.AskWhoAsync(balancer, times: 2);
        var whole = await Lab.Client.EchoAsync(balancer, times: 2, bytes: 100);

        Assert.Equal([Lab.NamesA.Name, Lab.NamesA.Name], answered);
        Assert.Equal(2, whole);
    }

    [Fact]
    public async Task The_hosts_own_connections_still_get_their_answers()
    {
        await Lab.BalanceAsync(Service.OnAnyPort("tcp", Lab.A));

        var answers = await Lab.Host.GetAsync(Lab.B, times: 10);

        Assert.All(answers, answer => Assert.Equal(Lab.B.Name, answer.Server));
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : AnyPortMayBeAService(lab);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : AnyPortMayBeAService(lab);
}
