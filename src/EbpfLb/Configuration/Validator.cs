using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace EbpfLb.Configuration;

/// <summary>Validates a raw configuration from any source, and collects every error.</summary>
sealed class Validator
{
    static readonly TimeSpan MinTimeout = TimeSpan.FromMilliseconds(100); // the kernel's coarse clock ticks every 1 to 10 ms
    static readonly TimeSpan MaxTimeout = TimeSpan.FromHours(720);

    readonly List<ConfigurationError> _errors;

    Validator(IEnumerable<ConfigurationError> errors) => _errors = [.. errors];

    /// <summary>Validates the whole configuration.</summary>
    /// <param name="raw">As its source read it.</param>
    /// <param name="sourceErrors">The errors that its source found.</param>
    public static ConfigurationResult Validate(RawConfiguration raw, IEnumerable<ConfigurationError> sourceErrors)
    {
        var validator = new Validator(sourceErrors);
        var configuration = validator.LoadBalancer(raw);
        return validator._errors.Count == 0
            ? new ConfigurationResult(configuration, [])
            : new ConfigurationResult(null, [.. validator._errors.Distinct()]);
    }

    LoadBalancerConfiguration LoadBalancer(RawConfiguration raw) => new()
    {
        Interfaces = Interfaces(raw.Interfaces),
        Hook = Choose(raw.Hook, ConfigNames.Hooks, "hook"),
        Events = Choose(raw.Events, ConfigNames.Events, "level of events"),
        Flows = Flows(raw.Flows),
        Timeouts = Timeouts(raw.Timeouts),
        Metrics = Metrics(raw.Metrics),
        Logs = Choose(raw.Logs, ConfigNames.Logs, "format of logs"),
        LeaveAttached = Choose(raw.LeaveAttached, ConfigNames.Booleans, "answer"),
        Services = Services(raw.Services, takesContainers: raw.Docker is not null),
        Docker = raw.Docker is { } docker ? Docker(docker) : null,
    };

    ImmutableArray<string> Interfaces(IReadOnlyList<Located<string>> raws)
    {
        var names = new HashSet<string>();
        foreach (var raw in raws)
        {
            if (Check(raw, Syntax.CheckInterface(raw.Value)) && !names.Add(raw.Value))
                _errors.Add(raw.Error("is named twice", "Name each interface once; the first is where 'self' listens"));
        }
        if (names.Count > LoadBalancerConfiguration.MaxInterfaces)
            _errors.Add(raws[LoadBalancerConfiguration.MaxInterfaces].Error("is one interface too many", $"Name at most {LoadBalancerConfiguration.MaxInterfaces}"));
        return [.. raws.Select(raw => raw.Value)];
    }

    DockerConfiguration Docker(RawDocker raw)
    {
        if (raw.Network is { } network)
            Check(network, Syntax.CheckNetwork(network.Value));
        var socket = raw.Socket is { } located && Check(located, Syntax.CheckEngineSocket(located.Value))
            ? located.Value[DockerConfiguration.Scheme.Length..]
            : DockerConfiguration.DefaultSocket;
        return new(raw.Network?.Value ?? "", socket);
    }

    uint Flows(Located<string>? located)
    {
        if (located is null)
            return FlowTableSize.Default;
        if (uint.TryParse(located.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var flows)
            && flows is >= FlowTableSize.Min and <= FlowTableSize.Max)
            return flows;
        _errors.Add(located.Error("is not a valid number of flows",
            $"Use a whole number of {FlowTableSize.Min} to {FlowTableSize.Max}"));
        return FlowTableSize.Default;
    }

    IPEndPoint? Metrics(Located<string>? located)
    {
        var endpoint = located is null ? null : Syntax.ParseLocalEndPoint(located.Value);
        if (located is not null && endpoint is null)
            _errors.Add(located.Error("is not an endpoint to serve metrics at",
                "Write 9464 for this machine alone, or an own address with a port as 10.0.0.5:9464; 0.0.0.0:9464 is all of them"));
        return endpoint;
    }

    TimeoutConfiguration Timeouts(IReadOnlyDictionary<string, Located<string>> raws)
    {
        var defaults = new TimeoutConfiguration();
        return new()
        {
            Opening = Timeout(raws, "opening", defaults.Opening),
            Established = Timeout(raws, "established", defaults.Established),
            Ended = Timeout(raws, "ended", defaults.Ended),
            Udp = Timeout(raws, "udp", defaults.Udp),
        };
    }

    TimeSpan Timeout(IReadOnlyDictionary<string, Located<string>> raws, string state, TimeSpan defaults)
    {
        if (!raws.TryGetValue(state, out var located))
            return defaults;
        if (Duration.TryParse(located.Value) is { } time && time >= MinTimeout && time <= MaxTimeout)
            return time;
        _errors.Add(located.Error("is not an idle timeout", "Use 100ms to 720h, written as 500ms, 31s, 135m or 2h"));
        return defaults;
    }

    ImmutableArray<ServiceConfiguration> Services(IReadOnlyList<RawService> raws, bool takesContainers)
    {
        if (raws.Count > LoadBalancerConfiguration.MaxServices)
            _errors.Add(new(
                "services", $"{raws.Count}", "are too many services", $"Configure at most {LoadBalancerConfiguration.MaxServices}"));
        var names = new HashSet<string>();
        var endpoints = new HashSet<ListenEndpoint>();
        var services = ImmutableArray.CreateBuilder<ServiceConfiguration>();
        foreach (var raw in raws)
        {
            if (raw.Name is { } written && Check(written, Syntax.CheckServiceName(written.Value))
                && !names.Add(written.Value))
                _errors.Add(written.Error("is the name of two services", "Give each service a name of its own"));
            var algorithm = Choose(raw.Algorithm, ConfigNames.Algorithms, "algorithm");
            var listen = raw.Listen is { } located ? Listen(located) : null;
            if (listen is not null && !endpoints.Add(listen))
                _errors.Add(raw.Listen!.Error($"is the endpoint {listen}, which another service has already",
                    "Give each service an address, port or protocol of its own, or merge their backends"));
            var mode = Choose(raw.Mode, ConfigNames.Modes, "mode");
            var backends = Backends(raw.Backends, listen?.Port, mode);
            var health = raw.Health is { } check
                ? new HealthValidator(check, _errors).Validate(listen, backends, takesContainers)
                : null;
            if (listen is not null)
            {
                if (backends.Length == raw.Backends.Count)
                    Check(raw.Listen!, CheckFamily(listen, backends));
                var name = raw.Name?.Value ?? NameFor(listen, names);
                services.Add(new()
                {
                    Name = name,
                    Listen = listen,
                    Algorithm = algorithm,
                    Mode = mode,
                    Drain = Drain(raw.Drain),
                    Health = health,
                    Backends = backends,
                });
            }
        }
        return services.ToImmutable();
    }

    TimeSpan Drain(Located<string>? located)
    {
        if (located is null)
            return ServiceConfiguration.DefaultDrain;
        if (Duration.TryParse(located.Value) is { } time && time <= MaxTimeout)
            return time;
        _errors.Add(located.Error("is not a drain time", "Use 0s to 720h, written as 500ms, 30s, 10m or 2h"));
        return ServiceConfiguration.DefaultDrain;
    }

    /// <summary>The name of a nameless service: tcp-80, or tcp-10.0.0.5-80.</summary>
    static string NameFor(ListenEndpoint listen, HashSet<string> taken)
    {
        var port = listen.Port == 0 ? "any" : $"{listen.Port}";
        var name = listen.Address is null
            ? $"{listen.Protocol.ToConfigString()}-{port}"
            : $"{listen.Protocol.ToConfigString()}-{listen.Address.ToString().Replace(':', '-')}-{port}";
        while (!taken.Add(name))
            name += "-";
        return name;
    }

    /// <summary>
    /// Packets leave in the address family that they arrived in. The family of a host name is not known yet.
    /// </summary>
    static SyntaxError? CheckFamily(ListenEndpoint listen, ImmutableArray<BackendConfiguration> backends)
    {
        if (listen.Address is not { AddressFamily: var family } || backends.IsEmpty || !backends.All(IsOther))
            return null;
        var (own, other) = family == AddressFamily.InterNetwork ? ("IPv4", "IPv6") : ("IPv6", "IPv4");
        return new($"is an {own} address, and all the backends have {other} addresses",
            $"Listen on an {other} address or on 'self', or give it {own} backends");

        bool IsOther(BackendConfiguration backend) =>
            Syntax.ParseAddress(backend.Host) is { } address && address.AddressFamily != family;
    }

    ListenEndpoint? Listen(Located<string> located)
    {
        if (!Check(located, Syntax.CheckNotUrl(located.Value)))
            return null;
        var slash = located.Value.IndexOf('/');
        var (endpoint, protocol) = slash < 0
            ? (located.Value, "tcp")
            : (located.Value[..slash], located.Value[(slash + 1)..]);
        var known = ConfigNames.Protocols.FirstOrDefault(known => known.Name == protocol);
        var fine = Check(located, known.Name is not null ? null
            : new($"names the unknown protocol '{protocol}'", "End it with /tcp or /udp"));

        var (host, portText) = Syntax.SplitHostPort(endpoint);
        if (portText is null)
        {
            Check(located, new("has no port", "Write it as :80, self:80/tcp, 10.0.0.5:53/udp or [2001:db8::1]:80"));
            return null;
        }
        var address = Syntax.ParseAddress(host);
        if (host is not ("" or "self"))
            fine &= Check(located, address is null && !host.Contains(':')
                ? new("does not listen on an address", "Write the address in numbers, or 'self' for the interface's own")
                : Syntax.CheckHost(host));
        var port = portText == EndPoints.AnyPort ? (ushort)0 : Syntax.ParsePort(portText);
        fine &= Check(located, port is null ? Syntax.InvalidPort : null);
        return fine ? new ListenEndpoint(address, port!.Value, known.Value) : null;
    }

    ImmutableArray<BackendConfiguration> Backends(
        IReadOnlyList<RawBackend> raws, ushort? listenPort, ForwardingMode mode)
    {
        var seen = new HashSet<(string, ushort)>();
        var backends = ImmutableArray.CreateBuilder<BackendConfiguration>();
        foreach (var raw in raws)
        {
            var weight = Weight(raw.Weight);
            if (Backend(raw.Address, listenPort ?? 0, weight) is not { } backend)
                continue;
            if (mode == ForwardingMode.Dsr && listenPort is { } port && backend.Port != port)
                _errors.Add(raw.Address.Error("has another port than the service, and mode dsr changes no port",
                    "Leave the port out, or use mode nat"));
            if (seen.Add((backend.Host.ToLowerInvariant(), backend.Port)))
                backends.Add(backend);
            else
                _errors.Add(raw.Address.Error("is twice a backend of the same service",
                    "Name it once; a weight of 2 gives it a double share"));
        }
        return backends.ToImmutable();
    }

    BackendConfiguration? Backend(Located<string> located, ushort listenPort, int weight)
    {
        if (!Check(located, Syntax.CheckNotUrl(located.Value)))
            return null;
        var (host, portText) = Syntax.SplitHostPort(located.Value);
        var port = portText is null ? listenPort : Syntax.ParsePort(portText);
        var hostIsFine = Check(located, Syntax.CheckHost(host));
        var portIsFine = Check(located, port is null ? Syntax.InvalidPort : null);
        // Different spellings of one IPv6 address are one backend.
        var name = Syntax.ParseAddress(host)?.ToString() ?? host;
        return hostIsFine && portIsFine ? new BackendConfiguration(name, port!.Value, weight) : null;
    }

    int Weight(Located<string>? located)
    {
        if (located is null)
            return 1;
        var weight = Syntax.ParseWeight(located.Value);
        Check(located, weight is null ? Syntax.InvalidWeight : null);
        return weight ?? 0;
    }

    T Choose<T>(Located<string>? located, (string Name, T Value)[] known, string what)
    {
        if (located is null)
            return known[0].Value;
        foreach (var (word, value) in known)
        {
            if (word == located.Value)
                return value;
        }
        var words = string.Join(", ", known.Select(choice => choice.Name));
        _errors.Add(located.Error($"is not a valid {what}", $"Use one of: {words}"));
        return known[0].Value;
    }

    bool Check(Located<string> located, SyntaxError? error)
    {
        if (error is not null)
            _errors.Add(located.Error(error.Problem, error.Remedy));
        return error is null;
    }
}
