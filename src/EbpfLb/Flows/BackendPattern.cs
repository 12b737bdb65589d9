using EbpfLb.Abi;
using EbpfLb.Configuration;

namespace EbpfLb.Flows;

/// <summary>A backend as users name it: by the name that it was configured by or its address, and perhaps its port.</summary>
sealed record BackendPattern
{
    readonly string _host;
    readonly LbAddress? _address;
    readonly ushort? _port;

    BackendPattern(string host, ushort? port)
    {
        _host = LbLabel.From(host).ToString(); // as the tables keep it
        _address = Syntax.ParseAddress(host) is { } address ? LbAddress.From(address) : null;
        _port = port;
    }

    /// <summary>The name that it was configured by; null where it is known by its address.</summary>
    public string? Name => _address is null ? _host : null;

    /// <summary>Reads HOST[:PORT], where a container's name is a host as well; null where the text is no such thing.</summary>
    public static BackendPattern? TryParse(string text)
    {
        var (host, portText) = Syntax.SplitHostPort(text);
        var port = portText is null ? null : Syntax.ParsePort(portText);
        var isHost = host.Length > 0 && (!host.Contains(':') || Syntax.ParseAddress(host) is not null);
        return isHost && (portText is null || port is not null) ? new(host, port) : null;
    }

    /// <summary>By the address that packets leave to: a flow keeps it, whatever becomes of the backend's id.</summary>
    public bool Matches(FlowSource source, in LbFlow forward) =>
        (_port is null || forward.Rewritten.Dport.Value == _port)
        && (_address is { } address ? forward.Rewritten.Dst == address : source.BackendName(forward.Backend) == _host);
}
