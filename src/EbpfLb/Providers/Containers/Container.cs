using Docker.DotNet.Models;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Providers.Containers;

/// <summary>A running container, from the engine's validated answer.</summary>
/// <param name="Id">The engine's id, in hexadecimal digits.</param>
/// <param name="Networks">Its addresses by network, IPv4 first.</param>
/// <param name="Health">Down while it is paused; otherwise by its own health check.</param>
sealed record Container(
    string Id, string Name, IReadOnlyDictionary<string, string> Labels,
    IReadOnlyDictionary<string, ImmutableArray<IPAddress>> Networks, BackendHealth Health)
{
    const int MaxIdLength = 128;
    const int ShortIdLength = 12;
    const int MaxNameLength = 255;

    /// <summary>True after it was sent its stop signal.</summary>
    public bool IsTerminating { get; init; }

    /// <summary>From an entry of the engine's list; null if the container does not run.</summary>
    public static Container? TryCreate(ContainerListResponse? listed, BackendHealth health) =>
        listed is { State: "running" or "paused" } && IsId(listed.ID)
            ? new(
                listed.ID, NameOf(listed),
                (listed.Labels ?? new Dictionary<string, string>())
                    .Where(label => label.Value is not null).ToDictionary(label => label.Key, label => label.Value),
                (listed.NetworkSettings?.Networks ?? new Dictionary<string, EndpointSettings>())
                    .ToDictionary(network => network.Key, network => Addresses(network.Value)),
                listed.State == "running" ? health : BackendHealth.Down)
            : null;

    /// <summary>True if the text is an id: it becomes part of a request path.</summary>
    public static bool IsId(string? text) =>
        text is { Length: > 0 and <= MaxIdLength } && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Names with more than one slash are links of other containers.</summary>
    static string NameOf(ContainerListResponse listed) =>
        (listed.Names ?? []).OfType<string>().Select(name => name.TrimStart('/')).FirstOrDefault(IsName)
        ?? listed.ID[..Math.Min(listed.ID.Length, ShortIdLength)];

    static bool IsName(string name) =>
        name.Length is > 0 and <= MaxNameLength && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    static ImmutableArray<IPAddress> Addresses(EndpointSettings? endpoint) =>
    [
        .. new[] { endpoint?.IPAddress, endpoint?.GlobalIPv6Address }.OfType<string>()
            .Select(Syntax.ParseAddress).OfType<IPAddress>().Where(address => Syntax.CheckUnicast(address) is null),
    ];
}
