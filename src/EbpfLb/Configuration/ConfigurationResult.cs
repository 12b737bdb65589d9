using System.Collections.Immutable;

namespace EbpfLb.Configuration;

/// <summary>A valid configuration, or every error.</summary>
sealed record ConfigurationResult(LoadBalancerConfiguration? Configuration, ImmutableArray<ConfigurationError> Errors);
