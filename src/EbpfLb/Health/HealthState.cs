using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Health;

/// <summary>What a backend's checks have led to so far.</summary>
/// <param name="Health">Not <see cref="BackendHealth.Unchecked"/>.</param>
/// <param name="IsTrusted">Was it good once, or did it take flows before it was checked? Then it does until its checks decide.</param>
/// <param name="Streak">So many checks in a row spoke for another health.</param>
sealed record HealthState(BackendHealth Health, bool IsTrusted = false, int Streak = 0)
{
    public bool IsExcluded => Health == BackendHealth.Down || (Health == BackendHealth.Unknown && !IsTrusted);

    /// <summary>After one more check. A backend of unknown health is up with its first good check.</summary>
    public HealthState Next(bool isHealthy, HealthConfiguration how) => (Health, isHealthy) switch
    {
        (BackendHealth.Up, true) or (BackendHealth.Down, false) => Streak == 0 ? this : this with { Streak = 0 },
        (BackendHealth.Unknown, true) => new(BackendHealth.Up, IsTrusted: true),
        (BackendHealth.Down, true) => Streak + 1 >= how.Rise ? new(BackendHealth.Up, IsTrusted: true) : this with { Streak = Streak + 1 },
        _ => Streak + 1 >= how.Fall ? new(BackendHealth.Down, IsTrusted) : this with { Streak = Streak + 1 },
    };
}
