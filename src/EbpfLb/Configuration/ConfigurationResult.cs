using System.Collections.Immutable;

namespace EbpfLb.Configuration;

/// <summary>A valid configuration, or every error.</summary>
sealed record ConfigurationResult(LoadBalancerConfiguration? Configuration, ImmutableArray<ConfigurationError> Errors)
{
    /// <summary>How its errors are logged: as configured, also if something else is wrong.</summary>
    public LogFormat Logs { get; init; }
}
