using System.Collections.Immutable;

namespace EbpfLb.Configuration;

/// <summary>What came of reading a configuration: the configuration, or every fault that it has.</summary>
sealed record Reading(LoadBalancerConfiguration? Configuration, ImmutableArray<Fault> Faults);
