using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Doctor;
using EbpfLb.Hosting;
using EbpfLb.Networking;
using EbpfLb.Unit.Datapath.Harness;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Unit.Hooks;

/// <summary>The kernel tells by one end of a veth whether the other takes what native XDP sends.</summary>
public sealed class VethPeersAreInspected
{
    [Fact]
    public void A_peer_without_xdp_and_gro_receives_nothing()
    {
        Assert.False(InNetworkOfVeths(() => NetworkDevice.Find("near").CanTransmitXdp));
        Assert.False(InNetworkOfVeths(() => HostProbe.Collect("near").Devices[0].Device!.CanTransmitXdp));
    }

    [Fact]
    public void A_peer_with_an_xdp_program_receives_all()
    {
        Assert.True(InNetworkOfVeths(() => WithProgramOnPeer(() => NetworkDevice.Find("near").CanTransmitXdp)));
        Assert.True(InNetworkOfVeths(() => WithProgramOnPeer(() => HostProbe.Collect("near").Devices[0].Device!.CanTransmitXdp)));
    }

    [Fact]
    public void A_device_without_a_peer_loses_nothing()
    {
        Assert.True(VethPeer.ReceivesXdpFrames(1, "ixgbe"));
        Assert.Null(VethPeer.ReceivesXdpFrames(int.MaxValue, "veth"));
        Assert.True(HostProbe.Collect("lo").Devices[0].Device!.CanTransmitXdp);
    }

    [Fact]
    public void A_peer_that_starts_or_stops_dropping_is_logged_once()
    {
        var journal = new Journal<VethPeerMonitor>();
        InNetworkOfVeths(() =>
        {
            var watch = WithProgramOnPeer(() => new VethPeerMonitor(NetworkDevice.Find("near"), journal));
            watch.Check();
            watch.Check();
            WithProgramOnPeer(() =>
            {
                watch.Check();
                watch.Check();
                return true;
            });
            return true;
        });

        Assert.Equal([LogLevel.Error, LogLevel.Information], journal.Entries.Select(entry => entry.Level));
        Assert.Contains("ethtool -K PEER gro on", journal.Entries[0].Text, StringComparison.Ordinal);
    }

    static T InNetworkOfVeths<T>(Func<T> inside)
    {
        Capabilities.RequireDatapath();
        var network = new NetworkNamespace();
        network.Configure(
            "link add name near type veth peer name peer", "address add 198.51.100.1/24 dev near",
            "address add 198.51.100.2/24 dev peer", "link set dev near up", "link set dev peer up");
        return network.Run(inside);
    }

    /// <summary>Any program does: that it passes packets on is another matter.</summary>
    static T WithProgramOnPeer<T>(Func<T> action)
    {
        using var datapath = LoadedDatapath.Load(HookKind.XdpNative, Balancer.Defaults, new(64));
        using var link = LinkAttachment.Xdp(datapath.Xdp!, NetworkDevice.Find("peer"), isNative: true);
        return action();
    }
}
