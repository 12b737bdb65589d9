using System.Text.RegularExpressions;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Configurations;
using DotNet.Testcontainers.Containers;

namespace EbpfLb.Lab.Testcontainers;

/// <summary>
/// Puts the balancer into a test with Testcontainers, on a network together with the containers that it balances:
/// <code>
/// await using var lb = new EbpfLbBuilder().WithNetwork(network).WithService(80, backends).Build();
/// await lb.StartAsync();
/// var answer = await http.GetStringAsync(lb.GetBaseAddress());
/// </code>
/// The container has the capabilities, the sysctls and the BPF filesystem that the balancer needs, and is started when it
/// balances. It ends with what it attached.
/// </summary>
public sealed partial class EbpfLbBuilder : ContainerBuilder<EbpfLbBuilder, EbpfLbContainer, EbpfLbConfiguration>
{
    /// <summary>The image that `make lab` leaves on this machine.</summary>
    public const string DefaultImage = "ebpf-lb/lb";

    /// <summary>The interface of a container that is on one network.</summary>
    internal const string Interface = "eth0";

    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(30), Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>A balancer of the image that `make lab` leaves on this machine.</summary>
    public EbpfLbBuilder()
        : this(DefaultImage)
    {
    }

    /// <summary>A balancer of another image.</summary>
    public EbpfLbBuilder(string image)
        : this(new EbpfLbConfiguration()) => DockerResourceConfiguration = Init().WithImage(image).DockerResourceConfiguration;

    EbpfLbBuilder(EbpfLbConfiguration configuration)
        : base(configuration) => DockerResourceConfiguration = configuration;

    /// <inheritdoc />
    protected override EbpfLbConfiguration DockerResourceConfiguration { get; }

    /// <summary>Balances a TCP port between containers on the balancer's network; they start before it.</summary>
    /// <param name="port">Of the balancer, where <see cref="EbpfLbContainer.GetBaseAddress"/> leads to, and of each backend.</param>
    /// <param name="backends">All of them; more can be added with another call for the same port.</param>
    public EbpfLbBuilder WithService(ushort port, params IEnumerable<IContainer> backends)
    {
        IContainer[] all = [.. backends];
        var builder = Merge(DockerResourceConfiguration, new EbpfLbConfiguration(port, backends: all)).WithPortBinding(port, true);
        return all.Aggregate(builder, (former, backend) => former.DependsOn(backend));
    }

    /// <summary>Balances a TCP port between names or addresses on the balancer's network; each name must resolve at the start.</summary>
    public EbpfLbBuilder WithService(ushort port, params IEnumerable<string> backends) =>
        Merge(DockerResourceConfiguration, new EbpfLbConfiguration(port, backendNames: backends)).WithPortBinding(port, true);

    /// <summary>Gives `ebpf-lb run` more options, such as "--algorithm", "maglev".</summary>
    public EbpfLbBuilder WithOptions(params IEnumerable<string> options) =>
        Merge(DockerResourceConfiguration, new EbpfLbConfiguration(options: options));

    /// <inheritdoc />
    public override EbpfLbContainer Build()
    {
        Validate();
        var configuration = DockerResourceConfiguration;
        var built = WithCreateParameterModifier(container => container.Cmd = configuration.ToCommand());
        return new EbpfLbContainer(built.DockerResourceConfiguration);
    }

    /// <inheritdoc />
    protected override EbpfLbBuilder Init() => base.Init()
        .WithLabel(Engine.LabRun.Labels)
        .WithCreateParameterModifier(Equip)
        .WithWaitStrategy(Wait.ForUnixContainer().UntilMessageIsLogged(
            Ready(), wait => wait.WithTimeout(LongestStart).WithInterval(Pause)));

    /// <inheritdoc />
    protected override void Validate()
    {
        base.Validate();
        if (DockerResourceConfiguration.Port is null)
            throw new ArgumentException("The balancer has no service: call WithService(port, backends).");
        if (!DockerResourceConfiguration.Backends.Any() && !DockerResourceConfiguration.BackendNames.Any())
            throw new ArgumentException(
                $"The service on port {DockerResourceConfiguration.Port} has no backends: name at least one in WithService.");
    }

    /// <inheritdoc />
    protected override EbpfLbBuilder Clone(IResourceConfiguration<CreateContainerParameters> resourceConfiguration) =>
        Merge(DockerResourceConfiguration, new EbpfLbConfiguration(resourceConfiguration));

    /// <inheritdoc />
    protected override EbpfLbBuilder Clone(IContainerConfiguration resourceConfiguration) =>
        Merge(DockerResourceConfiguration, new EbpfLbConfiguration(resourceConfiguration));

    /// <inheritdoc />
    protected override EbpfLbBuilder Merge(EbpfLbConfiguration oldValue, EbpfLbConfiguration newValue) =>
        new(new EbpfLbConfiguration(oldValue, newValue));

    /// <summary>The sysctls and the BPF filesystem of the README's compose file; the capabilities follow when it is created.</summary>
    static void Equip(CreateContainerParameters container)
    {
        container.HostConfig!.Sysctls = new Dictionary<string, string>
        {
            ["net.ipv4.ip_forward"] = "1",
        };
        container.HostConfig.Mounts =
        [
            .. container.HostConfig.Mounts ?? [],
            new Mount
            {
                Type = "volume",
                Target = "/sys/fs/bpf",
                VolumeOptions = new VolumeOptions
                {
                    DriverConfig = new Driver
                    {
                        Name = "local",
                        Options = new Dictionary<string, string> { ["type"] = "bpf", ["device"] = "bpffs" },
                    },
                },
            },
        ];
    }

    [GeneratedRegex("^ready: ", RegexOptions.Multiline)]
    private static partial Regex Ready();
}
