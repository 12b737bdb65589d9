using Microsoft.Extensions.Logging;

namespace EbpfLb.Hooks;

/// <summary>Tells when the peer of a veth no longer takes what native XDP sends, and when it does again.</summary>
sealed partial class PeerWatch(NetworkDevice device, ILogger<PeerWatch> logger)
{
    bool? _takes = device.SendsFromXdp;

    /// <summary>Looks now. Nobody tells of a change: it happens in another network namespace.</summary>
    public void Look()
    {
        var (before, now) = (_takes, VethPeer.TakesFrames(device.Index, device.Driver));
        _takes = now;
        if (now == false && before != false)
            LogLoses(device.Name, VethPeer.Remedy);
        else if (now == true && before == false)
            LogSendsAgain(device.Name);
    }

    [LoggerMessage(LogLevel.Error,
        "the peer of {Device} has stopped taking what native XDP sends: every balanced packet is lost. {Remedy}.")]
    partial void LogLoses(string device, string remedy);

    [LoggerMessage(LogLevel.Information, "the peer of {Device} takes what native XDP sends again")]
    partial void LogSendsAgain(string device);
}
