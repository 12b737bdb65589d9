namespace EbpfLb.Configuration;

/// <summary>What is wrong with a value, and what to do about it.</summary>
sealed record SyntaxError(string Problem, string Remedy);

/// <summary>The grammar of names, addresses and ports. The Check methods return null for a valid value.</summary>
static class Syntax
{
    const int MaxInterfaceLength = 15; // IFNAMSIZ less the terminating zero, in bytes
    const int MaxNameLength = 63;
    const int MaxHostLength = 253; // RFC 1035, written form
    const int MaxLabelLength = 63;
    const int MaxNetworkLength = 255;
    const int MaxSocketLength = 107; // sun_path less the terminating zero, in bytes
    const int MaxPathLength = 1024;
    const int MaxCgroupLength = 200; // a pin has its name, escaped, in at most 255 bytes
    public const string PortRemedy = "Use a port of 1 to 65535";
    const string ListenRemedy = "Write it as :80, self:80/tcp, 10.0.0.5:53/udp or [2001:db8::1]:80";
    const string InterfaceRemedy = "Name one that 'ip link' lists";
    const string AddressRemedy = "Use a global or unique local address of the host";

    static readonly SyntaxError InvalidPort = new("has no valid port", PortRemedy);

    static readonly SyntaxError NotUnicast = new(
        "is an address that no packet can be sent to from here (unspecified, loopback, multicast or reserved)",
        "Use the unicast address that the machine has on a network; to listen, 'self' is the interface's own");

    /// <summary>A name as the kernel's dev_valid_name has it, or an address prefix.</summary>
    public static SyntaxError? CheckInterface(string name) => name switch
    {
        "" or "." or ".." => new("is not an interface name", InterfaceRemedy),
        _ when name.Contains('/') && IPNetwork.TryParse(name, out _) => null,
        _ when Encoding.UTF8.GetByteCount(name) > MaxInterfaceLength =>
            new($"is longer than the {MaxInterfaceLength} bytes of an interface name", InterfaceRemedy),
        _ when name.Any(c => c is '/' or ':' || char.IsWhiteSpace(c) || char.IsControl(c)) =>
            new("has a character that no interface name has ('/', ':' or blank)", InterfaceRemedy),
        _ => null,
    };

    /// <summary>The path of a directory, without a slash at its end.</summary>
    public static Parsed<string> ParseCgroup(string text)
    {
        var path = text.TrimEnd('/');
        return path.StartsWith('/') && Encoding.UTF8.GetByteCount(path) <= MaxCgroupLength
            && path.Split('/').Skip(1).All(name => name is not ("" or "." or "..")) && !path.Any(char.IsControl)
            ? path
            : new SyntaxError("is not the path of a cgroup",
                $"Write a directory of cgroup v2 as /sys/fs/cgroup/clients.slice, in at most {MaxCgroupLength} bytes");
    }

    public static SyntaxError? CheckServiceName(string name) =>
        name.Length is > 0 and <= MaxNameLength && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
            ? null
            : new("is not a service name", $"Use 1 to {MaxNameLength} letters, digits, '.', '_' and '-'");

    /// <summary>Engines name networks freely, except for blanks and control characters.</summary>
    public static SyntaxError? CheckNetwork(string name) =>
        name.Length is > 0 and <= MaxNetworkLength && !name.Any(c => char.IsWhiteSpace(c) || char.IsControl(c))
            ? null
            : new("is not a network name", "Name one that 'docker network ls' lists");

    /// <summary>The path of a socket, from unix:// and an absolute path that fits a socket address.</summary>
    public static Parsed<string> ParseEngineSocket(string text) =>
        text.StartsWith($"{DockerConfiguration.Scheme}/", StringComparison.Ordinal) && !text.Contains('\0')
        && Encoding.UTF8.GetByteCount(text) - DockerConfiguration.Scheme.Length <= MaxSocketLength
            ? text[DockerConfiguration.Scheme.Length..]
            : new SyntaxError("is not a socket of a container engine",
                $"Write it as {DockerConfiguration.Scheme}{DockerConfiguration.DefaultSocket}, with a path of at most {MaxSocketLength} bytes");

    /// <summary>The path of a request, without a fragment.</summary>
    public static Parsed<string?> ParseHttpPath(string text) =>
        text.Length <= MaxPathLength && text.StartsWith('/') && text.All(c => c is > ' ' and < '\x7f' and not '#')
            ? text
            : new SyntaxError("is not a valid HTTP path",
                $"Begin it with '/', use at most {MaxPathLength} characters, and write %20 for a blank");

    /// <summary>[ADDRESS]:PORT[/PROTOCOL].</summary>
    public static Parsed<ListenEndpoint?> ParseListen(string text)
    {
        if (CheckNotUrl(text, ListenRemedy) is { } url)
            return url;
        var slash = text.IndexOf('/');
        var (endpoint, protocol) = slash < 0 ? (text, "tcp") : (text[..slash], text[(slash + 1)..]);
        var transport = ConfigNames.Protocols.Parse(protocol);
        List<SyntaxError> errors = [];
        if (!transport.Errors.IsEmpty)
            errors.Add(new($"names the unknown protocol '{protocol}'", "End it with /tcp or /udp"));
        var (host, portText) = SplitHostPort(endpoint);
        if (portText is null)
            return new(null, [.. errors, new SyntaxError("has no port", ListenRemedy)]);
        var address = ParseAddress(host);
        if (host is not ("" or "self") && CheckListenAddress(host, address) is { } invalid)
            errors.Add(invalid);
        var port = portText == EndPoints.AnyPort ? (ushort)0 : ParsePort(portText);
        if (port is null)
            errors.Add(InvalidPort);
        return errors.Count == 0 ? new ListenEndpoint(address, port!.Value, transport.Value) : new Parsed<ListenEndpoint?>(null, [.. errors]);
    }

    static SyntaxError? CheckListenAddress(string host, IPAddress? address) => address is null && !host.Contains(':')
        ? new("has a host name instead of an address", "Write the address in numbers, or 'self' for the interface's own")
        : CheckHost(host);

    /// <summary>HOST[:PORT]; port 0 if there is none. Different spellings of one IPv6 address are one host.</summary>
    public static Parsed<(string Host, ushort Port)> ParseBackend(string text)
    {
        if (CheckNotUrl(text, "Write HOST or HOST:PORT, without a scheme") is { } url)
            return url;
        var (host, portText) = SplitHostPort(text);
        var port = portText is null ? (ushort)0 : ParsePort(portText);
        SyntaxError?[] errors = [CheckHost(host), port is null ? InvalidPort : null];
        return new((ParseAddress(host)?.ToString() ?? host, port ?? 0), [.. errors.OfType<SyntaxError>()]);
    }

    /// <summary>Splits HOST[:PORT]. An IPv6 address has brackets, or no port.</summary>
    public static (string Host, string? Port) SplitHostPort(string endpoint)
    {
        var close = endpoint.StartsWith('[') ? endpoint.IndexOf(']') : -1;
        if (close > 0 && endpoint[1..close].Contains(':') && endpoint[(close + 1)..] is "" or [':', ..])
            return (endpoint[1..close], close == endpoint.Length - 1 ? null : endpoint[(close + 2)..]);
        var colon = endpoint.IndexOf(':');
        return colon < 0 || colon != endpoint.LastIndexOf(':')
            ? (endpoint, null)
            : (endpoint[..colon], endpoint[(colon + 1)..]);
    }

    /// <summary>A unicast address that other machines can reach, or a host name.</summary>
    public static SyntaxError? CheckHost(string host)
    {
        if (host.Length == 0)
            return new("has no host", "Write an address or a host name before the port");
        if (ParseAddress(host) is { } address)
            return CheckUnicast(address);
        if (host.Contains(':'))
            return host.Contains('%')
                ? new("has a zone index", $"{AddressRemedy}, without '%'")
                : new("is not an IPv6 address", "Write it as 2001:db8::1, and with a port as [2001:db8::1]:80");
        var labels = host.TrimEnd('.').Split('.');
        if (labels[^1].All(char.IsAsciiDigit))
            return new(
                "is not an IPv4 address", "Write four numbers of 0 to 255 with dots between them, or a host name");
        return host.Length <= MaxHostLength && !host.EndsWith("..", StringComparison.Ordinal) && labels.All(IsLabel)
            ? null
            : new("is not a host name", "Use labels of 1 to 63 letters, digits, '-' and '_' with dots between them");
    }

    /// <summary>Parses dotted-decimal text without shorthand, or IPv6 text without brackets and zone. Null for others.</summary>
    public static IPAddress? ParseAddress(string text) =>
        IPAddress.TryParse(text, out var address) && (address.AddressFamily == AddressFamily.InterNetwork
            ? address.ToString() == text
            : text.All(c => c is ':' or '.' || char.IsAsciiHexDigit(c))) ? address : null;

    /// <summary>Null if packets to this address can travel over a network to one host.</summary>
    public static SyntaxError? CheckUnicast(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return new("is an IPv4 address in IPv6 notation", $"Write it as {address.MapToIPv4()}");
        if (address.IsIPv6LinkLocal)
            return new("is a link-local address, which names a host on one link only", AddressRemedy);
        var bytes = address.GetAddressBytes();
        var isReserved = address.AddressFamily == AddressFamily.InterNetwork
            ? bytes[0] is 0 or 127 or >= 224
            : bytes[0] is 0xff || !bytes.AsSpan(0, 12).ContainsAnyExcept((byte)0); // multicast; ::, ::1 and ::a.b.c.d
        return isReserved ? NotUnicast : null;
    }

    public static ushort? ParsePort(string text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0 ? port : null;

    /// <summary>ADDRESS:PORT, or a port alone on the loopback address.</summary>
    public static Parsed<IPEndPoint?> ParseMetricsEndPoint(string text)
    {
        if (ParsePort(text) is { } alone)
            return new IPEndPoint(IPAddress.Loopback, alone);
        var (host, portText) = SplitHostPort(text);
        return portText is not null && ParseAddress(host) is { } address && ParsePort(portText) is { } port
            ? new IPEndPoint(address, port)
            : new SyntaxError("is not an endpoint to serve metrics at",
                "Write 9464 for this machine alone, or an own address with a port as 10.0.0.5:9464; 0.0.0.0:9464 is all of them");
    }

    /// <summary>An endpoint has no scheme.</summary>
    static SyntaxError? CheckNotUrl(string endpoint, string remedy) => endpoint.Contains("://", StringComparison.Ordinal)
        ? new("is a URL", remedy)
        : null;

    static bool IsLabel(string label) =>
        label.Length is > 0 and <= MaxLabelLength && label[0] != '-' && label[^1] != '-'
        && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
