namespace EbpfLb.Configuration;

/// <summary>
/// Validates a raw configuration from any source, and collects every error. Each setting validates its own value; the
/// rules between settings are here.
/// </summary>
sealed class Validator
{
    readonly List<ConfigurationError> _errors;

    Validator(IEnumerable<ConfigurationError> errors) => _errors = [.. errors];

    /// <param name="raw">As its source read it.</param>
    /// <param name="sourceErrors">The errors that its source found.</param>
    public static ConfigurationResult Validate(RawSection raw, IEnumerable<ConfigurationError> sourceErrors)
    {
        var validator = new Validator(sourceErrors);
        var read = LoadBalancerConfiguration.Settings.Read(raw, validator._errors);
        var configuration = read with
        {
            Services = validator.Services(
                raw.Sections.GetValueOrDefault("services", []), read.Services, read.MaxServices, takesContainers: read.Docker is not null),
        };
        validator.CheckCgroups(raw.Values.GetValueOrDefault("sockets", []), read.Sockets);
        return validator._errors.Count == 0
            ? new ConfigurationResult(configuration, [])
            : new ConfigurationResult(null, [.. validator._errors.Distinct()]) { Logs = read.Logs };
    }

    /// <summary>A socket would meet the programs of both.</summary>
    void CheckCgroups(List<Located<string>> written, ImmutableArray<string> paths)
    {
        foreach (var located in written)
        {
            if (paths.FirstOrDefault(path => located.Value.StartsWith($"{path}/", StringComparison.Ordinal) && located.Value.TrimEnd('/') != path) is { } outer)
                _errors.Add(located.Error($"is inside {outer}, which is configured as well", "Name the outer one alone"));
        }
    }

    ImmutableArray<ServiceConfiguration> Services(
        List<RawSection> raws, ImmutableArray<ServiceConfiguration> services, uint maxServices, bool takesContainers)
    {
        if (raws.Count > maxServices)
            _errors.Add(new(
                "services", $"{raws.Count}", "are too many services", $"Configure at most {maxServices}, or raise max-services"));
        var names = new HashSet<string>();
        var endpoints = new HashSet<ListenEndpoint>();
        var valid = ImmutableArray.CreateBuilder<ServiceConfiguration>();
        foreach (var (raw, read) in raws.Zip(services))
        {
            if (raw.Value("name") is { } written && read.Name.Length > 0 && !names.Add(read.Name))
                _errors.Add(written.Error("is the name of two services", "Give each service a name of its own"));
            if (read.Listen is { } listen && !endpoints.Add(listen))
                _errors.Add(raw.Value("listen")!.Error($"is the endpoint {listen}, which another service has already",
                    "Give each service an address, port or protocol of its own, or merge their backends"));
            var service = read with { Backends = Backends(raw, read) };
            if (raw.Sections.TryGetValue("health", out var health))
                CheckHealth(health[0], service, takesContainers);
            if (read.Mode != ForwardingMode.Tunnel && raw.Value("encapsulation") is { } encapsulation)
                _errors.Add(encapsulation.Error($"has no effect in mode {read.Mode.ToConfigString()}",
                    "Use mode tunnel, or remove the encapsulation"));
            foreach (var error in CheckNatSource(raw, read))
                _errors.Add(error);
            if (service.Listen is null)
                continue;
            if (read.Mode != ForwardingMode.Tunnel && service.Backends.Length == read.Backends.Length && CheckFamily(service.Listen, service.Backends) is { } mixed)
                _errors.Add(raw.Value("listen")!.Error(mixed));
            valid.Add(service with { Name = service.Name.Length > 0 ? service.Name : NameFor(service.Listen, names) });
        }
        return valid.ToImmutable();
    }

    /// <summary>A word stands alone, addresses are of different families, and one of them is of the service's.</summary>
    static IEnumerable<ConfigurationError> CheckNatSource(RawSection raw, ServiceConfiguration read)
    {
        var (written, sources) = (raw.Values.GetValueOrDefault("nat-source", []), read.NatSource);
        if (written.Count == 0)
            yield break;
        if (read.Mode != ForwardingMode.Nat)
            yield return written[0].Error($"has no effect in mode {read.Mode.ToConfigString()}", "Use mode nat, or remove the nat-source");
        if (sources.Length != written.Count)
            yield break; // one of them has an error of its own
        var word = sources.ToList().FindIndex(source => source.Address is null);
        var repeated = sources.Select((source, i) => sources[..i].Any(former => former.Family == source.Family)).ToList().IndexOf(true);
        if (sources.Length > 1 && word >= 0)
            yield return written[word].Error("stands alone, and is one of several sources", "Use the word, or addresses");
        else if (repeated >= 0)
            yield return written[repeated].Error("is the second address of its IP version", "Give one address of each IP version");
        else if (word < 0 && read.Listen?.Address is { AddressFamily: var family } && sources.All(source => source.Family != family))
            yield return written[0].Error("is of another IP version than the service's address", "Give an address of the service's IP version");
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

    /// <summary>Packets keep their address family, except in mode tunnel. That of a host name is not known yet.</summary>
    static SyntaxError? CheckFamily(ListenEndpoint listen, ImmutableArray<BackendConfiguration> backends)
    {
        if (listen.Address is not { AddressFamily: var family } || backends.IsEmpty || !backends.All(IsOther))
            return null;
        var (own, other) = EndPoints.NamesOf(family);
        return new($"is an {own} address, and all the backends have {other} addresses",
            $"Listen on an {other} address or on 'self', or give it {own} backends");

        bool IsOther(BackendConfiguration backend) =>
            Syntax.ParseAddress(backend.Host) is { } address && address.AddressFamily != family;
    }

    /// <summary>The backends with their ports; those whose address is invalid are left out.</summary>
    ImmutableArray<BackendConfiguration> Backends(RawSection service, ServiceConfiguration read)
    {
        var seen = new HashSet<(string, ushort)>();
        var backends = ImmutableArray.CreateBuilder<BackendConfiguration>();
        foreach (var (raw, written) in service.Sections.GetValueOrDefault("backends", []).Zip(read.Backends))
        {
            if (written.Host.Length == 0)
                continue;
            var backend = written.Port == 0 && read.Listen is { } listen ? written with { Port = listen.Port } : written;
            var address = raw.Value("address")!;
            if (read is { KeepsPort: true, Listen: { } own } && backend.Port != own.Port)
                _errors.Add(address.Error($"has another port than the service, and mode {read.Mode.ToConfigString()} changes no port",
                    "Leave the port out, or use mode nat"));
            if (seen.Add((backend.Host.ToLowerInvariant(), backend.Port)))
                backends.Add(backend);
            else
                _errors.Add(address.Error("is configured twice in this service",
                    "Name it once; a weight of 2 gives it a double share"));
        }
        return backends.ToImmutable();
    }

    /// <param name="takesContainers">True if containers may become backends, at the port of the service.</param>
    void CheckHealth(RawSection raw, ServiceConfiguration service, bool takesContainers)
    {
        var (tcp, http) = (raw.Value("tcp"), raw.Value("http"));
        if (tcp is null && http is null && !raw.IsIncomplete)
            _errors.Add(new(raw.Location, null, "the kind of check is missing", "Add tcp, or http with a path"));
        if (tcp is not null && http is not null)
            _errors.Add(tcp.Error("cannot be combined with http", "Keep one of tcp and http: an HTTP check connects over TCP as well"));
        if (service.Health is { Tunnel: true } && raw.Value("tunnel") is { } tunnel)
        {
            if (service.Mode != ForwardingMode.Tunnel)
                _errors.Add(tunnel.Error($"has no effect in mode {service.Mode.ToConfigString()}", "Use mode tunnel, or remove it"));
            else if (service.Listen is { Address: null })
                _errors.Add(tunnel.Error("needs the service's address, and the service has all of the interface's",
                    "Listen on an address that is the service's alone, or remove it"));
        }
        if (service.Listen is not { } listen || raw.Value("port") is not null)
            return;
        if (listen.Protocol == TransportProtocol.Udp)
            _errors.Add(new(raw.Location, null, "checks connect over TCP, and the service is one of UDP",
                "Configure a port on which the backends answer over TCP, or remove the checks"));
        else if (service.Backends.Any(backend => backend.Port == 0) || (listen.Port == 0 && takesContainers))
            _errors.Add(new(raw.Location, null, "checks connect to one port, and this service has every port",
                "Configure a port for the checks, or remove them"));
    }
}
