using System.Collections.Immutable;
using EbpfLb.Providers;
using EbpfLb.Providers.Files;
using EbpfLb.Providers.Names;
using EbpfLb.Reconcile;
using Microsoft.Extensions.Logging.Abstractions;

namespace EbpfLb.Unit.Providers.Containers;

/// <summary>Addresses, names and labelled containers are backends of one service side by side.</summary>
public sealed class SourcesMergeIntoOneService : IAsyncDisposable
{
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    static readonly FakeContainer Three = new("three", "172.20.0.3");

    readonly FakeEngine _engine = new();
    readonly CancellationTokenSource _stop = new();
    IAsyncEnumerator<ImmutableArray<ServiceSnapshot>>? _snapshots;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await (_snapshots?.DisposeAsync() ?? default);
        _stop.Dispose();
        await _engine.DisposeAsync();
    }

    [Fact]
    public async Task And_each_may_change()
    {
        _engine.Put(Three);
        Discover(new ScriptedNames().Say("pool", ScriptedNames.Addresses("172.20.0.2")), "172.20.0.1, pool");

        await Until("172.20.0.1 172.20.0.1 1", "pool 172.20.0.2 1", "three 172.20.0.3 1");
        _engine.Put(new FakeContainer("four", "172.20.0.4"), "start");
        await Until("172.20.0.1 172.20.0.1 1", "pool 172.20.0.2 1", "four 172.20.0.4 1", "three 172.20.0.3 1");
    }

    [Fact]
    public async Task A_backend_that_is_also_a_container_keeps_its_configured_weight()
    {
        _engine.Put(Three);
        Discover(new ScriptedNames(), "{ address: 172.20.0.3, weight: 5 }");

        await Until("172.20.0.3 172.20.0.3 5");
        _engine.Tell(Three, "kill", ("signal", "9"));
        await Until("172.20.0.3 172.20.0.3 0");
        _engine.Remove("three");
        _engine.Tell(Three, "die");
        await Until("172.20.0.3 172.20.0.3 5");
    }

    [Fact]
    public async Task Neither_a_name_nor_the_engine_may_be_missing_at_the_start()
    {
        Discover(new ScriptedNames().Say("nobody", ScriptedNames.Unknown), "nobody");

        var fault = await Assert.ThrowsAsync<LoadBalancerException>(async () => await _snapshots!.MoveNextAsync());

        Assert.StartsWith("resolving the backends failed for 'nobody'", fault.Message, StringComparison.Ordinal);
    }

    void Discover(INameResolver names, string backends)
    {
        var configuration = YamlReader.Read($$"""
            interface: eth0
            services: [ { name: web, listen: ":80", backends: [ {{backends}} ] } ]
            docker: { network: {{FakeEngine.Network}}, socket: "unix://{{_engine.Path}}" }
            """, "lb.yaml").Configuration!;
        _snapshots = new Discovery(configuration, names, new(HurriedClock.Instance), () => WatchedContainers.Own, new(), HurriedClock.Instance, NullLoggerFactory.Instance)
            .WatchAsync(_stop.Token).GetAsyncEnumerator();
    }

    /// <summary>Waits until the backends are these, as <c>host address weight</c>.</summary>
    async Task Until(params string[] backends)
    {
        string[] seen = [];
        while (!seen.SequenceEqual(backends))
        {
            Assert.True(await _snapshots!.MoveNextAsync().AsTask().WaitAsync(Deadline), $"saw [{string.Join(", ", seen)}]");
            seen = [.. Assert.Single(_snapshots.Current).Backends.Select(backend => $"{backend.Host} {backend.Address} {backend.Weight}")];
        }
    }
}
