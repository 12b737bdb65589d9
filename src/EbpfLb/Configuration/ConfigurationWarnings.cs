namespace EbpfLb.Configuration;

/// <summary>Finds what is valid and hardly meant.</summary>
static class ConfigurationWarnings
{
    /// <summary>One sentence for each service that cannot have a backend for a new flow.</summary>
    public static IEnumerable<string> Find(LoadBalancerConfiguration configuration)
    {
        // Labelled containers are backends as well.
        foreach (var service in configuration.Docker is null ? configuration.Services : [])
        {
            if (service.Backends.IsEmpty)
                yield return $"service '{service.Name}' has no backend: its clients are refused. Add one under 'backends:'.";
            else if (service.Backends.All(backend => backend.Weight == 0))
                yield return $"every backend of service '{service.Name}' has weight 0: new clients are refused. Give one a weight of 1 or more.";
        }
    }
}
