namespace EbpfLb.Configuration;

/// <summary>A container engine whose labelled containers are backends.</summary>
/// <param name="Network">The network, by the engine's name for it, on which containers are reached that name no other.</param>
/// <param name="Socket">The path of the engine's socket.</param>
sealed record DockerConfiguration(string Network, string Socket)
{
    public const string Scheme = "unix://";
    public const string DefaultSocket = "/var/run/docker.sock";

    /// <summary>The socket as users write it.</summary>
    public string Endpoint => Scheme + Socket;
}
