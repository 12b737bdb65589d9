namespace EbpfLb.Providers.Containers;

/// <summary>The container engine did not answer, or not as expected.</summary>
/// <param name="reason">Without the full stop.</param>
/// <param name="cause">The inner exception.</param>
sealed class EngineException(string reason, Exception? cause = null) : LoadBalancerException(reason, cause);
