namespace EbpfLb.Configuration;

/// <summary>A container engine whose labelled containers are backends.</summary>
/// <param name="Network">The network to reach containers on, unless a label names another.</param>
sealed record DockerConfiguration(string Network, string Socket)
{
    public const string Scheme = "unix://";
    public const string DefaultSocket = "/var/run/docker.sock";

    public static readonly Section<DockerConfiguration> Settings = new(() => new("", DefaultSocket),
        new ValueSetting<DockerConfiguration, string>("network",
            "The engine's network to reach labelled containers on, unless a label names another",
            SettingType<string>.Text("NETWORK", "a network of the engine", Syntax.CheckNetwork),
            d => d.Network, (d, value) => d with { Network = value })
        { Flag = "--docker", IsRequired = true },
        new ValueSetting<DockerConfiguration, string>("socket",
            "The engine's socket",
            new("URI", $"{Scheme} and an absolute path", Syntax.ParseEngineSocket) { Format = path => Scheme + path },
            d => d.Socket, (d, value) => d with { Socket = value })
        { Flag = "--docker-socket" });

    public string Endpoint => Scheme + Socket;
}
