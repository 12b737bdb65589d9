namespace EbpfLb.Configuration;

/// <summary>The values that users write in files and flags.</summary>
static class ConfigNames
{
    public static readonly (string Name, HookKind Value)[] Hooks =
    [
        ("auto", HookKind.Auto), ("tc", HookKind.Tc), ("xdp-native", HookKind.XdpNative),
        ("xdp-generic", HookKind.XdpGeneric),
    ];

    public static readonly (string Name, EventLevel Value)[] Events =
        [("flows", EventLevel.Flows), ("packets", EventLevel.Packets), ("off", EventLevel.Off)];

    public static readonly (string Name, TransportProtocol Value)[] Protocols =
        [("tcp", TransportProtocol.Tcp), ("udp", TransportProtocol.Udp)];

    public static readonly (string Name, LogFormat Value)[] Logs = [("lines", LogFormat.Lines), ("json", LogFormat.Json)];

    /// <summary>Flow states that have a timeout.</summary>
    public static readonly string[] Timeouts = ["opening", "established", "ended", "udp"];

    /// <summary>Keys of a health check.</summary>
    public static readonly string[] Health =
        ["tcp", "http", "every", "timeout", "rise", "fall", "port", "when-all-down"];

    public static readonly (string Name, AllDownPolicy Value)[] AllDown =
        [("refuse", Configuration.AllDownPolicy.Refuse), ("try-all", Configuration.AllDownPolicy.TryAll)];

    /// <summary>Round robin respects weights; "weighted-round-robin" is an alias.</summary>
    public static readonly (string Name, Algorithm Value)[] Algorithms =
    [
        ("round-robin", Algorithm.RoundRobin), ("weighted-round-robin", Algorithm.RoundRobin),
        ("random", Algorithm.Random), ("source-hash", Algorithm.SourceHash), ("maglev", Algorithm.Maglev),
        ("least-connections", Algorithm.LeastConnections),
    ];

    public static readonly (string Name, ForwardingMode Value)[] Modes =
        [("nat", ForwardingMode.Nat), ("dsr", ForwardingMode.Dsr)];

    public static readonly (string Name, bool Value)[] Booleans = [("false", false), ("true", true)];

    public static string ToConfigString(this HookKind hook) => Hooks.First(known => known.Value == hook).Name;

    public static string ToConfigString(this ForwardingMode mode) => Modes.First(known => known.Value == mode).Name;

    public static string ToConfigString(this AllDownPolicy policy) => AllDown.First(known => known.Value == policy).Name;

    /// <summary>A number of flows, as text.</summary>
    public static string FormatFlowCount(long count) => count == 1 ? "1 flow" : $"{count} flows";

    public static string ToConfigString(this TransportProtocol protocol) =>
        Protocols.First(known => known.Value == protocol).Name;
}
