using Docker.DotNet.Models;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Configurations;
using DotNet.Testcontainers.Containers;

namespace EbpfLb.Lab.Testcontainers;

/// <summary>What an <see cref="EbpfLbBuilder"/> was told, beside what every container can be told.</summary>
public sealed class EbpfLbConfiguration : ContainerConfiguration
{
    /// <param name="port">The port of the service.</param>
    /// <param name="backends">The containers that it balances.</param>
    /// <param name="backendNames">More backends, by their names or addresses on the balancer's network.</param>
    /// <param name="options">More options of `ebpf-lb run`.</param>
    public EbpfLbConfiguration(
        ushort? port = null, IEnumerable<IContainer>? backends = null, IEnumerable<string>? backendNames = null,
        IEnumerable<string>? options = null) =>
        (Port, Backends, BackendNames, Options) = (port, backends ?? [], backendNames ?? [], options ?? []);

    /// <summary>As every module has it.</summary>
    public EbpfLbConfiguration(IResourceConfiguration<CreateContainerParameters> resource)
        : base(resource) => (Backends, BackendNames, Options) = ([], [], []);

    /// <summary>As every module has it.</summary>
    public EbpfLbConfiguration(IContainerConfiguration container)
        : base(container) => (Backends, BackendNames, Options) = ([], [], []);

    /// <summary>Merges two: there is one service, and of all else the merged configuration has both.</summary>
    /// <exception cref="ArgumentException">They name different ports.</exception>
    public EbpfLbConfiguration(EbpfLbConfiguration old, EbpfLbConfiguration @new)
        : base(old, @new)
    {
        if (old.Port is { } first && @new.Port is { } second && first != second)
            throw new ArgumentException($"WithService takes one port, not {first} and {second}: use a builder for each.");
        Port = @new.Port ?? old.Port;
        Backends = BuildConfiguration.Combine(old.Backends, @new.Backends);
        BackendNames = BuildConfiguration.Combine(old.BackendNames, @new.BackendNames);
        Options = BuildConfiguration.Combine(old.Options, @new.Options);
    }

    /// <summary>The TCP port of the service; null where there is none yet.</summary>
    public ushort? Port { get; }

    /// <summary>The containers that the service balances. They start before the balancer.</summary>
    public IEnumerable<IContainer> Backends { get; }

    /// <summary>More backends, by their names or addresses on the balancer's network.</summary>
    public IEnumerable<string> BackendNames { get; }

    /// <summary>More options of `ebpf-lb run`.</summary>
    public IEnumerable<string> Options { get; }

    /// <summary>The command, once the backends have been created: before that they have no ids.</summary>
    internal IList<string> ToCommand() =>
    [
        "run", "--interface", EbpfLbBuilder.Interface, "--listen", $":{Port}", .. Options,
        .. Backends.Select(ShortId).Concat(BackendNames)
            .SelectMany(backend => new[] { "--backend", backend }),
    ];

    /// <summary>A name by which engines resolve each container on a network of one's own.</summary>
    static string ShortId(IContainer container) => container.Id[..12];
}
