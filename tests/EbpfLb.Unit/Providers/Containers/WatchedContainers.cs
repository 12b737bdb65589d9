using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Providers.Containers;
using EbpfLb.Providers.Files;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Providers.Containers;

/// <summary>A follower of containers under watch.</summary>
sealed class WatchedContainers : IAsyncDisposable
{
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    readonly Subscription<ImmutableArray<ContainerBackend>> _changes;
    readonly Journal<ContainerWatcher> _journal = new();

    public WatchedContainers(
        FakeEngine engine, TimeProvider? time = null, TerminatingContainersByEngine? terminating = null,
        Func<IReadOnlySet<IPAddress>>? own = null) => _changes = new(
        new ContainerWatcher(
            Configuration(engine.Path), own ?? (() => Own), terminating ?? new(), time ?? HurriedClock.Instance, _journal).WatchAsync,
        CancellationToken.None);

    /// <summary>The balancer's addresses.</summary>
    public static IReadOnlySet<IPAddress> Own { get; } = new HashSet<IPAddress> { IPAddress.Parse("172.20.0.254") };

    public string[] Logged => _journal.Lines;

    /// <summary>Services 'web' on TCP port 80 and 'dns' on UDP port 53, in an engine's network.</summary>
    public static LoadBalancerConfiguration Configuration(string socket) => YamlReader.Read($$"""
        interface: eth0
        services:
          - { name: web, listen: ":80" }
          - { name: dns, listen: ":53/udp" }
          - { name: direct, listen: ":8080", mode: dsr }
        docker: { network: {{FakeEngine.Network}}, socket: "unix://{{socket}}" }
        """, "lb.yaml").Configuration!;

    /// <summary>Waits until the backends are these, as <c>service name address:port weight</c> and the health where it is told.</summary>
    public async Task Until(params string[] backends)
    {
        string[] seen = ["nothing yet"];
        var patience = Stopwatch.StartNew();
        while (!seen.SequenceEqual(backends))
        {
            try
            {
                seen = [.. (await _changes.ReadAsync().WaitAsync(Deadline - patience.Elapsed)).Select(Write)];
            }
            catch (TimeoutException)
            {
                Assert.Fail($"waited for [{string.Join(", ", backends)}], and saw [{string.Join(", ", seen)}]\n{string.Join('\n', Logged)}");
            }
        }
    }

    /// <summary>Waits until so many lines were logged.</summary>
    public Task UntilLogged(int lines) => Eventually.That(
        $"{lines} lines were logged", () => Logged, logged => logged.Length >= lines, logged => string.Join('\n', logged));

    /// <summary>The backends after the next change, as <see cref="Until"/> has them.</summary>
    public async Task<string[]> Next() => [.. (await _changes.ReadAsync()).Select(Write)];

    public ValueTask DisposeAsync() => _changes.DisposeAsync();

    public static string Write(ContainerBackend found) =>
        $"{found.Service} {found.Backend.Host} {EndPoints.Format(found.Backend.Address, found.Backend.Port)} {found.Backend.Weight}"
        + (found.Backend.Health == BackendHealth.Unchecked ? "" : $" {found.Backend.Health}, share {found.Backend.EffectiveWeight}");
}
