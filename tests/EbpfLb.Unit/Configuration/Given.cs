using EbpfLb.Configuration;
using EbpfLb.Providers.Files;
using EbpfLb.Providers.Flags;

namespace EbpfLb.Unit.Configuration;

/// <summary>Configurations as users would write them.</summary>
static class Given
{
    public static ConfigurationResult Yaml(string text) => YamlReader.Read(text, "lb.yaml");

    public static ConfigurationResult Flags(
        string? networkInterface = null, string? hook = null, string? events = null,
        string[]? listens = null, string[]? backends = null, string? mode = null, string? flows = null,
        string[]? timeouts = null, string? drain = null, string[]? health = null, string? metrics = null, string? logs = null,
        string[]? moreInterfaces = null, string? docker = null, string? dockerSocket = null,
        bool leaveAttached = false, string? encapsulation = null, string[]? natSources = null) =>
        FlagReader.Read(new (string Flag, string[]? Values)[]
        {
            ("--interface", networkInterface is null ? null : [networkInterface, .. moreInterfaces ?? []]), ("--hook", One(hook)),
            ("--events", One(events)), ("--listen", listens), ("--backend", backends), ("--mode", One(mode)), ("--encapsulation", One(encapsulation)), ("--nat-source", natSources), ("--flows", One(flows)),
            ("--drain", One(drain)), ("--health", health), ("--timeout", timeouts), ("--metrics", One(metrics)),
            ("--logs", One(logs)), ("--docker", One(docker)), ("--docker-socket", One(dockerSocket)),
            ("--leave-attached", leaveAttached ? ["true"] : null),
        }.Where(flag => flag.Values is not null).ToDictionary(flag => flag.Flag, flag => flag.Values!));

    /// <summary>One good service, but for what the caller changes.</summary>
    public static ConfigurationResult GoodFlagsBut(
        string networkInterface = "eth0", string? hook = null, string? events = null,
        string listen = ":80", string backend = "172.20.0.2", string? flows = null, string[]? timeouts = null,
        string? drain = null, string[]? health = null, string? metrics = null, string? logs = null,
        string[]? moreInterfaces = null) =>
        Flags(
            networkInterface, hook, events, [listen], [backend], flows: flows, timeouts: timeouts, drain: drain,
            health: health, metrics: metrics, logs: logs, moreInterfaces: moreInterfaces);

    static string[]? One(string? value) => value is null ? null : [value];
}
