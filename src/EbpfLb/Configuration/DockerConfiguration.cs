namespace EbpfLb.Configuration;

/// <summary>A container engine whose labelled containers are backends.</summary>
/// <param name="Network">
/// The engine's network to reach containers on, unless a container's label names another.
/// </param>
/// <param name="Socket">The path of the engine's socket.</param>
sealed record DockerConfiguration(string Network, string Socket)
{
    public const string Scheme = "unix://";
    public const string DefaultSocket = "/var/run/docker.sock";

    /// <summary>The socket as a URI.</summary>
    public string Endpoint => Scheme + Socket;
}
