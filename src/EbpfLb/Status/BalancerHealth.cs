using System.Text.Json.Serialization;

namespace EbpfLb.Status;

/// <summary>Whether an engine that moves addresses (keepalived, BIRD) should leave them with this balancer.</summary>
/// <param name="Healthy">True if it should.</param>
/// <param name="Reason">Why, as a sentence without its full stop.</param>
/// <param name="Services">The services that were asked about.</param>
sealed record BalancerHealth(bool Healthy, string Reason, IReadOnlyList<ServiceHealth> Services)
{
    /// <summary>False if no service has the name.</summary>
    [JsonIgnore]
    public bool IsKnown { get; private init; } = true;

    /// <param name="service">A service; null for the balancer with all its services.</param>
    /// <param name="minBackends">
    /// How many backends of each of these services must take new flows; null for 1 of a named service, and any number
    /// without a name: another balancer would find the same backends down.
    /// </param>
    public static BalancerHealth Assess(StatusSnapshot snapshot, string? service, int? minBackends)
    {
        var concerned = snapshot.Instances.Where(instance => service is null || instance.Services.Any(IsMeant)).ToArray();
        if (concerned.Length == 0)
            return Unknown(snapshot, service);
        var needed = minBackends ?? (service is null ? 0 : 1);
        ServiceHealth[] services =
            [.. concerned.SelectMany(instance => instance.Services).Where(IsMeant).Select(one => new ServiceHealth(one.Name, Count(one)))];
        var problem = (service is null ? snapshot.Errors : []).Concat(concerned.SelectMany(Problems))
            .Concat(services.Where(one => one.Backends < needed).Select(one => Lack(one, needed))).FirstOrDefault();
        return new(problem is null, problem ?? Describe(concerned, services), services);

        bool IsMeant(ServiceStatus one) => service is null || one.Name == service;
    }

    static BalancerHealth Unknown(StatusSnapshot snapshot, string? service)
    {
        var names = snapshot.Instances.SelectMany(instance => instance.Services).Select(one => one.Name).Distinct().ToArray();
        var reason = snapshot.Errors.Count > 0 ? snapshot.Errors[0]
            : snapshot.Instances.Count == 0 ? StatusSnapshot.NothingAttached
            : $"no service is named '{service}'; there {(names is [] ? "is none" : $"are: {string.Join(", ", names)}")}";
        return new(false, reason.TrimEnd('.'), []) { IsKnown = snapshot.Errors.Count > 0 || snapshot.Instances.Count == 0 };
    }

    static IEnumerable<string> Problems(InstanceStatus instance)
    {
        foreach (var problem in instance.PacketProblems)
            yield return problem.TrimEnd('.');
        if (instance.WithdrawSeconds is { } left)
            yield return $"the balancer on {instance.Interface} withdraws, and ends in {left} s";
    }

    /// <summary>A backend that is down takes flows only when all are down.</summary>
    static int Count(ServiceStatus service) => service.Backends.Count(backend => backend.Weight > 0 && backend.State != "down");

    static string Lack(ServiceHealth service, int needed) => $"{Describe(service)}, and {needed} {(needed == 1 ? "is" : "are")} needed";

    static string Describe(InstanceStatus[] instances, ServiceHealth[] services) => services is [] or [_, _, ..]
        ? $"balancing on {string.Join(", ", instances.SelectMany(instance => instance.Interfaces))}"
        : services[0].Backends > 0 ? Describe(services[0])
        : $"balancing on {string.Join(", ", instances.SelectMany(instance => instance.Interfaces))}, although {Describe(services[0])}";

    static string Describe(ServiceHealth service) => $"service '{service.Name}' has "
        + (service.Backends switch { 0 => "no backend that takes", 1 => "1 backend that takes", var number => $"{number} backends that take" })
        + " new flows";

    /// <summary>A whole number from 0 on; null for another text.</summary>
    public static int? ParseMinBackends(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}

/// <param name="Backends">How many take new flows and are not down.</param>
sealed record ServiceHealth(string Name, int Backends);
