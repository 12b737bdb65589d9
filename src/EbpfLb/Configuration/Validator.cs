using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;

namespace EbpfLb.Configuration;

/// <summary>Turns a draft into a configuration, or into every fault it has. The same for every source.</summary>
sealed class Validator
{
    static readonly TimeSpan ShortestTimeout = TimeSpan.FromMilliseconds(100); // the kernel's coarse clock has ticks of up to 10
    static readonly TimeSpan LongestTimeout = TimeSpan.FromHours(720);

    readonly List<Fault> _faults;

    Validator(IEnumerable<Fault> faults) => _faults = [.. faults];

    /// <summary>Validates the whole draft.</summary>
    /// <param name="draft">As its source read it.</param>
    /// <param name="sourceFaults">What its source found wrong already.</param>
    public static Reading Validate(Draft draft, IEnumerable<Fault> sourceFaults)
    {
        var validator = new Validator(sourceFaults);
        var configuration = validator.LoadBalancer(draft);
        return validator._faults.Count == 0
            ? new Reading(configuration, [])
            : new Reading(null, [.. validator._faults.Distinct()]);
    }

    LoadBalancerConfiguration LoadBalancer(Draft draft) => new()
    {
        Interfaces = Interfaces(draft.Interfaces),
        Hook = Choose(draft.Hook, Words.Hooks, "hook"),
        Events = Choose(draft.Events, Words.Events, "level of events"),
        Flows = Flows(draft.Flows),
        Timeouts = Timeouts(draft.Timeouts),
        Metrics = Metrics(draft.Metrics),
        Logs = Choose(draft.Logs, Words.Logs, "format of logs"),
        LeaveAttached = Choose(draft.LeaveAttached, Words.YesAndNo, "answer"),
        Services = Services(draft.Services, takesContainers: draft.Docker is not null),
        Docker = draft.Docker is { } docker ? Docker(docker) : null,
    };

    ImmutableArray<string> Interfaces(IReadOnlyList<Placed> drafts)
    {
        var names = new HashSet<string>();
        foreach (var draft in drafts)
        {
            if (Check(draft, Syntax.Interface(draft.Value)) && !names.Add(draft.Value))
                _faults.Add(draft.Fault("is named twice", "Name each interface once; the first is where 'self' listens"));
        }
        if (names.Count > Limits.MaxLinks)
            _faults.Add(drafts[Limits.MaxLinks].Fault("is one interface too many", $"Name at most {Limits.MaxLinks}"));
        return [.. drafts.Select(draft => draft.Value)];
    }

    DockerConfiguration Docker(DockerDraft draft)
    {
        if (draft.Network is { } network)
            Check(network, Syntax.Network(network.Value));
        var socket = draft.Socket is { } placed && Check(placed, Syntax.EngineSocket(placed.Value))
            ? placed.Value[DockerConfiguration.Scheme.Length..]
            : DockerConfiguration.UsualSocket;
        return new(draft.Network?.Value ?? "", socket);
    }

    uint Flows(Placed? placed)
    {
        if (placed is null)
            return FlowTableSize.Usual;
        if (uint.TryParse(placed.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var flows)
            && flows is >= FlowTableSize.Smallest and <= FlowTableSize.Largest)
            return flows;
        _faults.Add(placed.Fault("is no number of flows that there can be room for",
            $"Use a whole number of {FlowTableSize.Smallest} to {FlowTableSize.Largest}"));
        return FlowTableSize.Usual;
    }

    IPEndPoint? Metrics(Placed? placed)
    {
        var endpoint = placed is null ? null : Syntax.OwnEndPoint(placed.Value);
        if (placed is not null && endpoint is null)
            _faults.Add(placed.Fault("is no endpoint to serve metrics at",
                "Write 9464 for this machine alone, or an own address with a port as 10.0.0.5:9464; 0.0.0.0:9464 is all of them"));
        return endpoint;
    }

    TimeoutConfiguration Timeouts(IReadOnlyDictionary<string, Placed> drafts)
    {
        var usual = new TimeoutConfiguration();
        return new()
        {
            Opening = Timeout(drafts, "opening", usual.Opening),
            Established = Timeout(drafts, "established", usual.Established),
            Ended = Timeout(drafts, "ended", usual.Ended),
            Udp = Timeout(drafts, "udp", usual.Udp),
        };
    }

    TimeSpan Timeout(IReadOnlyDictionary<string, Placed> drafts, string state, TimeSpan usual)
    {
        if (!drafts.TryGetValue(state, out var placed))
            return usual;
        if (Duration.Read(placed.Value) is { } time && time >= ShortestTimeout && time <= LongestTimeout)
            return time;
        _faults.Add(placed.Fault("is no time that a flow may idle", "Use 100ms to 720h, written as 500ms, 31s, 135m or 2h"));
        return usual;
    }

    ImmutableArray<ServiceConfiguration> Services(IReadOnlyList<ServiceDraft> drafts, bool takesContainers)
    {
        if (drafts.Count > Limits.MaxServices)
            _faults.Add(new(
                "services", $"{drafts.Count}", "are too many services", $"Configure at most {Limits.MaxServices}"));
        var names = new HashSet<string>();
        var endpoints = new HashSet<ListenEndpoint>();
        var services = ImmutableArray.CreateBuilder<ServiceConfiguration>();
        foreach (var draft in drafts)
        {
            if (draft.Name is { } written && Check(written, Syntax.ServiceName(written.Value))
                && !names.Add(written.Value))
                _faults.Add(written.Fault("is the name of two services", "Give each service a name of its own"));
            var algorithm = Choose(draft.Algorithm, Words.Algorithms, "algorithm");
            var listen = draft.Listen is { } placed ? Listen(placed) : null;
            if (listen is not null && !endpoints.Add(listen))
                _faults.Add(draft.Listen!.Fault($"is the endpoint {listen}, which another service has already",
                    "Give each service an address, port or protocol of its own, or merge their backends"));
            var mode = Choose(draft.Mode, Words.Modes, "mode");
            var backends = Backends(draft.Backends, listen?.Port, mode);
            var health = draft.Health is { } check
                ? new HealthValidator(check, _faults).Validate(listen, backends, takesContainers)
                : null;
            if (listen is not null)
            {
                if (backends.Length == draft.Backends.Count)
                    Check(draft.Listen!, FamilyOf(listen, backends));
                var name = draft.Name?.Value ?? NameFor(listen, names);
                services.Add(new()
                {
                    Name = name,
                    Listen = listen,
                    Algorithm = algorithm,
                    Mode = mode,
                    Drain = Drain(draft.Drain),
                    Health = health,
                    Backends = backends,
                });
            }
        }
        return services.ToImmutable();
    }

    TimeSpan Drain(Placed? placed)
    {
        if (placed is null)
            return ServiceConfiguration.UsualDrain;
        if (Duration.Read(placed.Value) is { } time && time <= LongestTimeout)
            return time;
        _faults.Add(placed.Fault("is no time that flows may take to end", "Use 0s to 720h, written as 500ms, 30s, 10m or 2h"));
        return ServiceConfiguration.UsualDrain;
    }

    /// <summary>A nameless service is called after its endpoint: tcp-80, or tcp-10.0.0.5-80.</summary>
    static string NameFor(ListenEndpoint listen, HashSet<string> taken)
    {
        var port = listen.Port == 0 ? "any" : $"{listen.Port}";
        var name = listen.Address is null
            ? $"{listen.Protocol.Word()}-{port}"
            : $"{listen.Protocol.Word()}-{listen.Address.ToString().Replace(':', '-')}-{port}";
        while (!taken.Add(name))
            name += "-";
        return name;
    }

    /// <summary>Packets leave in the family that they came in; what a name stands for is not known yet.</summary>
    static Objection? FamilyOf(ListenEndpoint listen, ImmutableArray<BackendConfiguration> backends)
    {
        if (listen.Address is not { AddressFamily: var family } || backends.IsEmpty || !backends.All(IsOther))
            return null;
        var (own, other) = family == AddressFamily.InterNetwork ? ("IPv4", "IPv6") : ("IPv6", "IPv4");
        return new($"is an {own} address, and all the backends have {other} addresses",
            $"Listen on an {other} address or on 'self', or give it {own} backends");

        bool IsOther(BackendConfiguration backend) =>
            Syntax.Address(backend.Host) is { } address && address.AddressFamily != family;
    }

    ListenEndpoint? Listen(Placed placed)
    {
        if (!Check(placed, Syntax.Url(placed.Value)))
            return null;
        var slash = placed.Value.IndexOf('/');
        var (endpoint, protocol) = slash < 0
            ? (placed.Value, "tcp")
            : (placed.Value[..slash], placed.Value[(slash + 1)..]);
        var known = Words.Protocols.FirstOrDefault(known => known.Word == protocol);
        var fine = Check(placed, known.Word is not null ? null
            : new($"names the unknown protocol '{protocol}'", "End it with /tcp or /udp"));

        var (host, portText) = Syntax.Split(endpoint);
        if (portText is null)
        {
            Check(placed, new("has no port", "Write it as :80, self:80/tcp, 10.0.0.5:53/udp or [2001:db8::1]:80"));
            return null;
        }
        var address = Syntax.Address(host);
        if (host is not ("" or "self"))
            fine &= Check(placed, address is null && !host.Contains(':')
                ? new("does not listen on an address", "Write the address in numbers, or 'self' for the interface's own")
                : Syntax.Host(host));
        var port = portText == Words.AnyPort ? (ushort)0 : Syntax.Port(portText);
        fine &= Check(placed, port is null ? Syntax.NotAPort : null);
        return fine ? new ListenEndpoint(address, port!.Value, known.Value) : null;
    }

    ImmutableArray<BackendConfiguration> Backends(
        IReadOnlyList<BackendDraft> drafts, ushort? listenPort, ForwardingMode mode)
    {
        var seen = new HashSet<(string, ushort)>();
        var backends = ImmutableArray.CreateBuilder<BackendConfiguration>();
        foreach (var draft in drafts)
        {
            var weight = Weight(draft.Weight);
            if (Backend(draft.Address, listenPort ?? 0, weight) is not { } backend)
                continue;
            if (mode == ForwardingMode.Dsr && listenPort is { } port && backend.Port != port)
                _faults.Add(draft.Address.Fault("has another port than the service, and mode dsr changes no port",
                    "Leave the port out, or use mode nat"));
            if (seen.Add((backend.Host.ToLowerInvariant(), backend.Port)))
                backends.Add(backend);
            else
                _faults.Add(draft.Address.Fault("is twice a backend of the same service",
                    "Name it once; a weight of 2 gives it a double share"));
        }
        return backends.ToImmutable();
    }

    BackendConfiguration? Backend(Placed placed, ushort listenPort, int weight)
    {
        if (!Check(placed, Syntax.Url(placed.Value)))
            return null;
        var (host, portText) = Syntax.Split(placed.Value);
        var port = portText is null ? listenPort : Syntax.Port(portText);
        var hostIsFine = Check(placed, Syntax.Host(host));
        var portIsFine = Check(placed, port is null ? Syntax.NotAPort : null);
        // An IPv6 address may be written in several ways; a backend has one.
        var name = Syntax.Address(host)?.ToString() ?? host;
        return hostIsFine && portIsFine ? new BackendConfiguration(name, port!.Value, weight) : null;
    }

    int Weight(Placed? placed)
    {
        if (placed is null)
            return 1;
        var weight = Syntax.Weight(placed.Value);
        Check(placed, weight is null ? Syntax.NotAWeight : null);
        return weight ?? 0;
    }

    T Choose<T>(Placed? placed, (string Word, T Value)[] known, string what)
    {
        if (placed is null)
            return known[0].Value;
        foreach (var (word, value) in known)
        {
            if (word == placed.Value)
                return value;
        }
        var words = string.Join(", ", known.Select(choice => choice.Word));
        _faults.Add(placed.Fault($"is no {what}", $"Use one of: {words}"));
        return known[0].Value;
    }

    bool Check(Placed placed, Objection? objection)
    {
        if (objection is not null)
            _faults.Add(placed.Fault(objection.Problem, objection.Remedy));
        return objection is null;
    }
}
