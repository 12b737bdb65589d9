namespace EbpfLb.Providers.Containers;

/// <summary>The container engine did not answer, or with what is no answer.</summary>
/// <param name="reason">Why, without the full stop.</param>
/// <param name="cause">What lies beneath.</param>
sealed class EngineException(string reason, Exception? cause = null) : LoadBalancerException(reason, cause);
