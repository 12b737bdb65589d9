namespace EbpfLb.Lab.Roles;

/// <summary>A web server that balancers find by its labels. Told to stop, it serves on for a moment, as a good one does.</summary>
public sealed class LabelledBackend : Role
{
    const uint SecondsOfFarewell = 3;
    static readonly TimeSpan LongestWay = TimeSpan.FromSeconds(30);

    readonly LabNetwork _network;

    internal LabelledBackend(LabNetwork network, string name, IReadOnlyDictionary<string, string> labels)
        : base(network, name, network.Member(network.Engine.Images.Backend, name)
            .WithLabel(labels)
            .WithCreateParameterModifier(container => container.StopSignal = "SIGCONT") // which is heard by the balancer alone
            .Build())
    {
        _network = network;
        ContainerName = network.NameOfContainer(name);
    }

    /// <summary>By which the engine knows it, and balancers tell of it.</summary>
    public string ContainerName { get; }

    /// <summary>Has the engine stop it, as compose does where it scales down.</summary>
    public Task StopAsync() => _network.Engine.Docker.Containers.StopContainerAsync(
        Id, new() { WaitBeforeKillSeconds = SecondsOfFarewell });

    /// <summary>Has it hang.</summary>
    public Task PauseAsync() => _network.Engine.Docker.Containers.PauseContainerAsync(Id);

    /// <summary>Has it go on.</summary>
    public Task ResumeAsync() => _network.Engine.Docker.Containers.UnpauseContainerAsync(Id);

    /// <summary>Waits until it was asked for something, and tells how long after its start that was, by the engine's clock.</summary>
    public Task<TimeSpan> TimeToFirstRequestAsync() => TimeToLineAsync(
        $"{Name} is asked for something", line => line.Contains("\"GET /", StringComparison.Ordinal), LongestWay);
}
