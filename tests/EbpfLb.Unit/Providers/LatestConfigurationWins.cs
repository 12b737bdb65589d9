using System.Collections.Immutable;
using System.Threading.Channels;
using EbpfLb.Configuration;
using EbpfLb.Providers;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

namespace EbpfLb.Unit.Providers;

/// <summary>A changed configuration takes the place of the former once its backends are known, and not before.</summary>
public sealed class LatestConfigurationWins : IAsyncDisposable
{
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);
    static readonly LoadBalancerConfiguration First = For(":80");
    static readonly LoadBalancerConfiguration Second = For(":81");
    static readonly LoadBalancerConfiguration Third = For(":82");

    readonly CancellationTokenSource _stop = new();
    readonly Channel<LoadBalancerConfiguration> _changes = Channel.CreateUnbounded<LoadBalancerConfiguration>();
    readonly Dictionary<LoadBalancerConfiguration, Channel<ImmutableArray<ServiceSnapshot>>> _found = new[] { First, Second, Third }
        .ToDictionary(configuration => configuration, _ => Channel.CreateUnbounded<ImmutableArray<ServiceSnapshot>>());
    readonly IAsyncEnumerator<ImmutableArray<ServiceSnapshot>> _services;

    public LatestConfigurationWins() => _services = new DynamicConfiguration(
            (configuration, token) => _found[configuration].Reader.ReadAllAsync(token), TimeProvider.System,
            NullLogger<DynamicConfiguration>.Instance)
        .WatchAsync(First, _changes.Reader.ReadAllAsync(), _stop.Token).GetAsyncEnumerator();

    [Fact]
    public async Task A_change_takes_over_when_its_backends_are_found()
    {
        Find(First, "one");
        Assert.Equal("one", await Next());

        _changes.Writer.TryWrite(Second);
        var next = Next();
        Find(First, "one again");
        Assert.Equal("one again", await next);
        Find(Second, "two");
        Assert.Equal("two", await Next());
        Find(First, "too late");
        Find(Second, "two again");
        Assert.Equal("two again", await Next());
    }

    [Fact]
    public async Task A_change_whose_backends_cannot_be_found_changes_nothing()
    {
        Find(First, "one");
        await Next();

        _found[Second].Writer.Complete(new LoadBalancerException("no such name"));
        _changes.Writer.TryWrite(Second);
        var next = Next();
        Find(First, "one again");
        Assert.Equal("one again", await next);
        _changes.Writer.TryWrite(Third);
        Find(Third, "three");
        Assert.Equal("three", await Next());
    }

    [Fact]
    public async Task Of_two_changes_the_later_one_counts()
    {
        Find(First, "one");
        await Next();

        _changes.Writer.TryWrite(Second);
        _changes.Writer.TryWrite(Third);
        var next = Next();
        Find(Third, "three");
        Assert.Equal("three", await next);
    }

    [Fact]
    public async Task The_first_configuration_fails_if_its_backends_are_not_found()
    {
        _found[First].Writer.Complete(new LoadBalancerException("no such name"));

        var fault = await Assert.ThrowsAsync<LoadBalancerException>(Next);
        Assert.Equal("no such name", fault.Message);
    }

    static LoadBalancerConfiguration For(string listen) => Given.GoodFlagsBut(listen: listen).Configuration!;

    void Find(LoadBalancerConfiguration configuration, string name)
    {
        Assert.True(_found[configuration].Writer.TryWrite([new(configuration.Services[0] with { Name = name }, [])]));
    }

    async Task<string> Next()
    {
        Assert.True(await _services.MoveNextAsync().AsTask().WaitAsync(Soon));
        return Assert.Single(_services.Current).Name;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _services.DisposeAsync();
        _stop.Dispose();
    }
}
