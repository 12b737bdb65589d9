using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab;

/// <summary>What a balancer is asked to balance: a port of its host, between servers that are known by name.</summary>
public sealed record Service(string Name, int Port, string Protocol, IReadOnlyList<string> Backends)
{
    /// <summary>How backends are chosen; the balancer's own way where absent.</summary>
    public string? Algorithm { get; init; }

    /// <summary>How packets get to the backends, and answers back; the balancer's own way where absent.</summary>
    public string? Mode { get; init; }

    /// <summary>The outer header in mode tunnel; the balancer's own choice where absent.</summary>
    public string? Encapsulation { get; init; }

    /// <summary>The backends' weights, in their order; none where they weigh the same.</summary>
    public IReadOnlyList<int> Weights { get; init; } = [];

    /// <summary>How backends are checked, each as KEY=VALUE; not at all where there is nothing.</summary>
    public IReadOnlyList<string> Health { get; init; } = [];

    /// <summary>How long a backend that leaves may keep its flows; the balancer's own time where absent.</summary>
    public string? Drain { get; init; }

    /// <summary>What becomes of the flows of a backend that is down; the balancer's own way where absent.</summary>
    public string? OnDown { get; init; }

    /// <summary>Whose address it listens at; the interface's own, whatever these are, where absent.</summary>
    public Role? By { get; init; }

    /// <summary>A web service.</summary>
    public static Service Web(params Role[] backends) => new("web", 80, "tcp", Names(backends));

    /// <summary>A web service on servers that are known by their addresses, whatever becomes of their names.</summary>
    public static Service WebAt(params Role[] backends) =>
        new("web", 80, "tcp", [.. backends.Select(backend => $"{backend.Address}")]);

    /// <summary>A web service on servers that are known by their addresses of the family that clients do not speak.</summary>
    public static Service WebAcross(params Role[] backends) =>
        new("web", 80, "tcp", [.. backends.Select(backend => $"{backend.AddressAcross}")]);

    /// <summary>A web service on all servers that share a name.</summary>
    public static Service WebOfPool(string pool) => new("web", 80, "tcp", [pool]);

    /// <summary>A web service on a server that nobody has heard of.</summary>
    public static Service OfNobody => WebOfPool("nobody.invalid");

    /// <summary>A DNS service over UDP.</summary>
    public static Service Dns(params Role[] backends) => new("dns", 53, "udp", Names(backends));

    /// <summary>A DNS service over TCP.</summary>
    public static Service DnsOverTcp(params Role[] backends) => new("dns-tcp", 53, "tcp", Names(backends));

    /// <summary>A service over UDP that sends datagrams back.</summary>
    public static Service Echo(params Role[] backends) => new("echo", EchoPort, "udp", Names(backends));

    /// <summary>A service on every TCP port, or every UDP port.</summary>
    public static Service OnAnyPort(string protocol, params Role[] backends) =>
        new($"any-{protocol}", AnyPort, protocol, Names(backends));

    /// <summary>The port of echoes (RFC 862).</summary>
    internal const int EchoPort = 7;

    const int AnyPort = 0;

    string Listen => $"{(Port == AnyPort ? "*" : Port)}/{Protocol}";

    /// <summary>Whether flags can say it.</summary>
    internal bool FitsInFlags => Weights.Count == 0 && By is null;

    /// <summary>As a line's flags.</summary>
    internal IEnumerable<string> ToFlags() =>
    [
        "--listen", $":{Listen}", .. Algorithm is null ? Array.Empty<string>() : ["--algorithm", Algorithm],
        .. Mode is null ? Array.Empty<string>() : ["--mode", Mode],
        .. Encapsulation is null ? Array.Empty<string>() : ["--encapsulation", Encapsulation],
        .. Drain is null ? Array.Empty<string>() : ["--drain", Drain],
        .. OnDown is null ? Array.Empty<string>() : ["--on-down", OnDown],
        .. Health.SelectMany(setting => new[] { "--health", setting }),
        .. Backends.SelectMany(backend => new[] { "--backend", backend }),
    ];

    /// <summary>As an item of a configuration file's list.</summary>
    internal string ToYaml() =>
        $"""
          - name: {Name}
            listen: "{By?.Host ?? "self"}:{Listen}"
            algorithm: {Algorithm}
            mode: {Mode}
            encapsulation: {Encapsulation}
            drain: {Drain}
            on-down: {OnDown}
            health: {(Health.Count == 0 ? "" : $"{{ {string.Join(", ", Health).Replace("=", ": ", StringComparison.Ordinal)} }}")}
            backends: [ {string.Join(", ", WeighedBackends)} ]

        """;

    IEnumerable<string> WeighedBackends => Weights.Count == 0
        ? Backends
        : Backends.Zip(Weights, (backend, weight) => $"{{ address: {backend}, weight: {weight} }}");

    static string[] Names(Role[] backends) => [.. backends.Select(backend => backend.Name)];
}
