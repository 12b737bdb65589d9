using EbpfLb.Events;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Events;

/// <summary>The reader of events stops when it is asked to, whatever comes meanwhile.</summary>
public sealed class EventReaderStops
{
    [Fact]
    public async Task Also_while_events_come_without_a_pause()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
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

    /// <summary>It looks into the buffer now and then: at the stop there mostly is something that came since the last look.</summary>
    [Fact]
    public void And_delivers_the_events_since_its_last_poll()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        var hosts = Hosts.Ip4;
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(53));

        for (var port = 1024; port < 1034; port++)
        {
            var seen = new List<int>();
            using var looked = new AutoResetEvent(initialState: false);
            var reader = new EventReader(
                lb.Tables.Events, () => looked.Set(), happened => seen.Add(happened.Before.Sport.Value));
            Assert.True(looked.WaitOne(TimeSpan.FromSeconds(30)), "it looks");
            lb.Receive(new UdpPacket(hosts.Alice.Port(port), hosts.Web));

            reader.Dispose();

            Assert.Equal([port], seen);
        }
    }
}
