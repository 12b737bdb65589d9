using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab;

/// <summary>
/// Web servers that are labelled for a service which no other spec knows, and the line over which balancers hear of them.
/// They end with the spec.
/// </summary>
public sealed class LabelledPool : IAsyncDisposable
{
    const string Ignored = "The container is ignored.";

    readonly LabNetwork _network;
    readonly Func<string, string> _nextName;
    readonly string _service = $"web-{Guid.NewGuid():N}";
    readonly List<Role> _roles = [];
    LabNetwork? _elsewhere;

    LabelledPool(LabNetwork network, Func<string, string> nextName)
    {
        (_network, _nextName) = (network, nextName);
        Line = new EngineLine(network, nextName("line"));
    }

    /// <summary>The line over which balancers hear of the container engine.</summary>
    public EngineLine Line { get; }

    /// <summary>A balancer for the service, which takes new servers once they answer.</summary>
    public BalancerPlan Plan => new(Service.Web() with { Name = _service, Health = ["tcp=true", "every=1s", "timeout=1s", "fall=20"] })
    {
        StandsInFile = true,
        EngineLine = Line,
    };

    internal static async Task<LabelledPool> StartAsync(LabNetwork network, Func<string, string> nextName)
    {
        var pool = new LabelledPool(network, nextName);
        await pool.Line.StartAsync();
        return pool;
    }

    /// <summary>Starts one more server.</summary>
    /// <param name="labels">More labels than that of the service.</param>
    public Task<LabelledBackend> StartAsync(params (string Name, string Value)[] labels) => StartAsync(_network, labels);

    /// <summary>Starts one more server, on a network that balancers do not reach.</summary>
    public async Task<LabelledBackend> StartElsewhereAsync()
    {
        if (_elsewhere is null)
            await (_elsewhere = _network.Beside(_nextName("elsewhere"))).CreateAsync();
        return await StartAsync(_elsewhere);
    }

    /// <summary>What a balancer has told of the servers that it ignores.</summary>
    public async Task<IReadOnlyList<string>> IgnoredByAsync(Balancer balancer) =>
    [
        .. (await balancer.LogsAsync()).Stderr.Split('\n').Where(line => line.EndsWith(Ignored, StringComparison.Ordinal)
            && _roles.OfType<LabelledBackend>().Any(known => line.Contains($"{known.ContainerName}", StringComparison.Ordinal))),
    ];

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_roles.Append(Line).Select(role => role.DisposeAsync().AsTask()));
        GC.SuppressFinalize(this);
    }

    async Task<LabelledBackend> StartAsync(LabNetwork network, params (string Name, string Value)[] labels)
    {
        var all = labels.ToDictionary(label => $"ebpf-lb.{label.Name}", label => label.Value);
        all["ebpf-lb.service"] = _service;
        var backend = new LabelledBackend(network, _nextName("labelled"), all);
        lock (_roles)
            _roles.Add(backend);
        await backend.StartAsync();
        return backend;
    }
}
