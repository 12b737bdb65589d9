namespace EbpfLb.Configuration;

/// <summary>The words that users write in files and flags, and what they mean.</summary>
static class ConfigNames
{
    public static readonly Choice<HookKind> Hooks = new("HOOK", "is not a valid hook",
        ("auto", HookKind.Auto), ("tc", HookKind.Tc), ("xdp-native", HookKind.XdpNative), ("xdp-generic", HookKind.XdpGeneric));

    public static readonly Choice<EventLevel> Events = new("LEVEL", "is not a valid level of events",
        ("flows", EventLevel.Flows), ("packets", EventLevel.Packets), ("off", EventLevel.Off));

    public static readonly Choice<TransportProtocol> Protocols = new("PROTOCOL", "is not a valid protocol",
        ("tcp", TransportProtocol.Tcp), ("udp", TransportProtocol.Udp));

    public static readonly Choice<LogFormat> Logs = new("FORMAT", "is not a valid format of logs",
        ("lines", LogFormat.Lines), ("json", LogFormat.Json));

    public static readonly Choice<AllDownPolicy> AllDown = new("POLICY",
        "is not a policy for new flows when all backends are down",
        ("refuse", AllDownPolicy.Refuse), ("try-all", AllDownPolicy.TryAll));

    public static readonly Choice<DownPolicy> OnDown = new("POLICY",
        "is not a policy for established flows of a backend that is down", ("keep", DownPolicy.Keep), ("reset", DownPolicy.Reset));

    /// <summary>Round robin respects weights; "weighted-round-robin" is an alias.</summary>
    public static readonly Choice<Algorithm> Algorithms = new("NAME", "is not a valid algorithm",
        ("round-robin", Algorithm.RoundRobin), ("weighted-round-robin", Algorithm.RoundRobin),
        ("random", Algorithm.Random), ("source-hash", Algorithm.SourceHash), ("maglev", Algorithm.Maglev),
        ("least-connections", Algorithm.LeastConnections));

    public static readonly Choice<ForwardingMode> Modes = new("MODE", "is not a valid mode",
        ("nat", ForwardingMode.Nat), ("dsr", ForwardingMode.Dsr), ("tunnel", ForwardingMode.Tunnel));

    public static readonly Choice<Encapsulation> Encapsulations = new("NAME", "is not a valid encapsulation",
        ("gue", Encapsulation.Gue), ("ipip", Encapsulation.Ipip));

    public static readonly Choice<bool> Booleans =
        new("BOOLEAN", "is neither true nor false", ("false", false), ("true", true)) { IsSwitch = true, Kind = SchemaKind.Boolean };

    public static string ToConfigString(this HookKind hook) => Hooks.Format(hook)!;

    public static string ToConfigString(this ForwardingMode mode) => Modes.Format(mode)!;

    public static string ToConfigString(this TransportProtocol protocol) => Protocols.Format(protocol)!;
}
