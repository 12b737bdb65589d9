using EbpfLb.Abi;
using EbpfLb.Configuration;

namespace EbpfLb.Flows;

/// <summary>Selects a backend by its configured name or its address, and optionally by its port.</summary>
sealed record BackendPattern
{
    readonly string _host;
    readonly LbAddress? _address;
    readonly ushort? _port;

    BackendPattern(string host, ushort? port)
    {
        _host = LbLabel.From(host).ToString(); // cut as in the tables
        _address = Syntax.ParseAddress(host) is { } address ? LbAddress.From(address) : null;
        _port = port;
    }

    /// <summary>The configured name; null if an address was given.</summary>
    public string? Name => _address is null ? _host : null;

    /// <summary>Parses HOST[:PORT], HOST may be a container's name; null if the text is something else.</summary>
    public static BackendPattern? TryParse(string text)
    {
        var (host, portText) = Syntax.SplitHostPort(text);
        var port = portText is null ? null : Syntax.ParsePort(portText);
        var isHost = host.Length > 0 && (!host.Contains(':') || Syntax.ParseAddress(host) is not null);
        return isHost && (portText is null || port is not null) ? new(host, port) : null;
    }

    /// <summary>Matches the address that packets leave to: a flow keeps it when the backend's id is reused.</summary>
    public bool Matches(FlowSource source, in LbFlow forward) =>
        (_port is null || forward.Rewritten.Dport.Value == _port)
        && (_address is { } address ? forward.Rewritten.Dst == address : source.BackendName(forward.Backend) == _host);
}
