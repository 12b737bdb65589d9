using EbpfLb.Networking;

namespace EbpfLb.Hosting;

/// <summary>Logs when the peer of a veth stops receiving what native XDP sends, and when it receives again.</summary>
sealed partial class VethPeerMonitor(NetworkDevice device, ILogger<VethPeerMonitor> logger)
{
    bool? _receives = device.CanTransmitXdp;

    /// <summary>Checks now. There is no notification: the change happens in another network namespace.</summary>
    public void Check()
    {
        var (before, now) = (_receives, VethPeer.ReceivesXdpFrames(device.Index, device.Driver));
        _receives = now;
        if (now == false && before != false)
            LogVethPeerDrops(device.Name, VethPeer.Remedy);
        else if (now == true && before == false)
            LogVethPeerReceives(device.Name);
    }

    [LoggerMessage(LogLevel.Error,
        "the peer of {Device} drops what native XDP sends: every balanced packet is lost. {Remedy}.")]
    partial void LogVethPeerDrops(string device, string remedy);

    [LoggerMessage(LogLevel.Information, "the peer of {Device} receives what native XDP sends again")]
    partial void LogVethPeerReceives(string device);
}
