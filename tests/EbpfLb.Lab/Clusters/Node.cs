using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Clusters;

/// <summary>A machine of a cluster: a balancer, and an engine that moves addresses to healthy balancers.</summary>
public sealed class Node : IAsyncDisposable
{
    readonly LabNetwork _network;
    readonly List<Balancer> _balancers = [];

    internal Node(LabNetwork network, string name, string image)
    {
        _network = network;
        Host = new(network, name, image);
    }

    public string Name => Host.Name;

    /// <summary>The balancer that was started last.</summary>
    public Balancer Balancer => _balancers[^1];

    internal BalancerHost Host { get; }

    /// <summary>All balancers that ran here.</summary>
    internal IReadOnlyList<Balancer> Balancers => _balancers;

    /// <summary>Starts a balancer, and waits until it is ready.</summary>
    public async Task StartBalancerAsync(BalancerPlan plan)
    {
        _balancers.Add(new(_network, Host, $"{Name}-balancer-{_balancers.Count + 1}", plan.Hook!, plan));
        await Balancer.BecomeReadyAsync();
    }

    /// <summary>The machine is gone from one moment to the next, with all that runs on it.</summary>
    public Task KillAsync() => Task.WhenAll(Host.KillAsync(), Balancer.KillAsync());

    /// <summary>Runs a program in the background; what it prints goes to /var/log/NAME.log.</summary>
    internal Task RunAsync(string name, string script, params object[] arguments) =>
        Host.ShellAsync($"({script}) >\"/var/log/{name}.log\" 2>&1 </dev/null &", arguments);

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_balancers.Select(balancer => balancer.DisposeAsync().AsTask()));
        await Host.DisposeAsync();
    }
}
