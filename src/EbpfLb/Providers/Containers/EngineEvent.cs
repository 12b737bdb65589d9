using Docker.DotNet.Models;

namespace EbpfLb.Providers.Containers;

/// <summary>An event of a container or a network.</summary>
/// <param name="Type"><see cref="Container"/> or <see cref="Network"/>.</param>
/// <param name="Action">As <see cref="Kill"/>, or <c>health_status: healthy</c>.</param>
/// <param name="At">By the engine's clock.</param>
/// <param name="Attributes">Details, including a container's labels.</param>
sealed record EngineEvent(
    string? Type, string? Action, string? Id, DateTimeOffset At, IReadOnlyDictionary<string, string> Attributes)
{
    public const string Container = "container";
    public const string Network = "network";
    public const string Kill = "kill";
    public const string Start = "start";

    public static EngineEvent From(Message? message) => new(
        message?.Type, message?.Action, message?.Actor?.ID,
        DateTimeOffset.UnixEpoch.AddTicks((message?.TimeNano ?? 0) / TimeSpan.NanosecondsPerTick), // any number is a valid date
        (message?.Actor?.Attributes ?? new Dictionary<string, string>()).ToDictionary());
}
