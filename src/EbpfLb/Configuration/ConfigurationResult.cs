using System.Collections.Immutable;

namespace EbpfLb.Configuration;

/// <summary>What came of reading a configuration: the configuration, or every error that it has.</summary>
sealed record ConfigurationResult(LoadBalancerConfiguration? Configuration, ImmutableArray<ConfigurationError> Errors);
