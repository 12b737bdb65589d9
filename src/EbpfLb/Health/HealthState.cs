using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Health;

/// <summary>The state of a backend by its checks.</summary>
/// <param name="Health">Not <see cref="BackendHealth.Unchecked"/>.</param>
/// <param name="IsTrusted">True if it was healthy once or took flows before its checks: it takes flows until they decide.</param>
/// <param name="Streak">Consecutive checks that contradict the state.</param>
sealed record HealthState(BackendHealth Health, bool IsTrusted = false, int Streak = 0)
{
    public bool IsExcluded => Health == BackendHealth.Down || (Health == BackendHealth.Unknown && !IsTrusted);

    /// <summary>The state after one more check. An unknown backend is up after its first successful check.</summary>
    public HealthState Next(bool isHealthy, HealthConfiguration how) => (Health, isHealthy) switch
    {
        (BackendHealth.Up, true) or (BackendHealth.Down, false) => Streak == 0 ? this : this with { Streak = 0 },
        (BackendHealth.Unknown, true) => new(BackendHealth.Up, IsTrusted: true),
        (BackendHealth.Down, true) => Streak + 1 >= how.Rise ? new(BackendHealth.Up, IsTrusted: true) : this with { Streak = Streak + 1 },
        _ => Streak + 1 >= how.Fall ? new(BackendHealth.Down, IsTrusted) : this with { Streak = Streak + 1 },
    };
}
