using System.Globalization;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Configurations;
using DotNet.Testcontainers.Containers;

namespace EbpfLb.Lab.Testcontainers;

/// <summary>The balancer in a container of a test, as an <see cref="EbpfLbBuilder"/> makes it.</summary>
public sealed class EbpfLbContainer : DockerContainer
{
    /// <summary>From this version on engines know BPF and PERFMON by name.</summary>
    const int FirstWithExactCapabilities = 23;

    readonly EbpfLbConfiguration _configuration;
    readonly Capabilities _capabilities;

    internal EbpfLbContainer(EbpfLbConfiguration configuration)
        : this(configuration, new Capabilities())
    {
    }

    EbpfLbContainer(EbpfLbConfiguration configuration, Capabilities capabilities)
        : base(new EbpfLbConfiguration(configuration, capabilities.AsConfiguration())) =>
        (_configuration, _capabilities) = (configuration, capabilities);

    /// <summary>Where the test reaches the service from outside the balancer's network, as the base of URLs.</summary>
    public Uri GetBaseAddress() =>
        new UriBuilder(Uri.UriSchemeHttp, Hostname, GetMappedPublicPort(_configuration.Port!.Value)).Uri;

    /// <summary>What `ebpf-lb status --json` prints: services, backends, their states and counters.</summary>
    /// <exception cref="LabException">The command failed.</exception>
    public async Task<string> GetStatusAsync(CancellationToken cancellation = default)
    {
        var result = await ExecAsync(["ebpf-lb", "status", "--json"], cancellation);
        return result.ExitCode == 0 ? result.Stdout : throw new LabException($"ebpf-lb status: {result.Stderr}");
    }

    /// <inheritdoc />
    protected override async Task UnsafeCreateAsync(CancellationToken ct = default)
    {
        await _capabilities.ChooseAsync(_configuration.DockerEndpointAuthConfig, ct);
        await base.UnsafeCreateAsync(ct);
    }

    /// <summary>What the balancer needs, in the words that the engine knows: it is asked for its version first.</summary>
    sealed class Capabilities
    {
        string[] _chosen = [];

        public EbpfLbConfiguration AsConfiguration() => new(new ResourceConfiguration<CreateContainerParameters>(
            parameterModifiers: [container => container.HostConfig!.CapAdd = _chosen]));

        public async Task ChooseAsync(IDockerEndpointAuthenticationConfiguration endpoint, CancellationToken cancellation)
        {
            using var docker = endpoint.GetDockerClientBuilder(Guid.Empty).Build();
            var version = (await docker.System.GetVersionAsync(cancellation)).Version!;
            _chosen = int.Parse(version.Split('.')[0], CultureInfo.InvariantCulture) >= FirstWithExactCapabilities
                ? Engine.Privileges.Exact
                : Engine.Privileges.Wide;
        }
    }
}
