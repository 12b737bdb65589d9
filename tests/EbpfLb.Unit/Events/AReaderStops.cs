using EbpfLb.Events;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Events;

/// <summary>The reader of events stops when it is asked to, whatever comes meanwhile.</summary>
public sealed class AReaderStops
{
    [Fact]
    public async Task Also_while_events_come_without_a_pause()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Usual);
        var hosts = Hosts.Ip4;
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));
        using var enough = new CancellationTokenSource();
        using var come = new ManualResetEventSlim();
        var traffic = TestNetwork.Shared.Beside(() =>
        {
            for (var port = 1024; !enough.IsCancellationRequested; port = port == 60000 ? 1024 : port + 1)
                lb.Receive(new UdpPacket(hosts.Alice.Port(port), hosts.Web));
        });
        var reader = new EventReader(lb.Tables.Events, () => { }, _ => come.Set());
        Assert.True(come.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken), "events come");

        reader.Dispose();

        Assert.True(reader.Ended.IsCompletedSuccessfully, "it has stopped");
        await enough.CancelAsync();
        await traffic;
    }
}
