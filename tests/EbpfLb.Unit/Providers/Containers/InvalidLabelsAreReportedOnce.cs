namespace EbpfLb.Unit.Providers.Containers;

/// <summary>A container with a fault is named once, and again only when its faults change; others are none the worse.</summary>
public sealed class InvalidLabelsAreReportedOnce : IAsyncDisposable
{
    const string First = "web one 172.20.0.2:80 1";
    static readonly FakeContainer One = new("one", "172.20.0.2");
    static readonly FakeContainer Lost = new("lost", "172.30.0.9") { Network = "elsewhere" };

    readonly FakeEngine _engine = new();

    public InvalidLabelsAreReportedOnce() => _engine.Put(One);

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task However_often_it_is_listed()
    {
        _engine.Put(Lost);
        await using var followed = new WatchedContainers(_engine);

        await followed.Until(First);
        _engine.Put(One with { State = "paused" }, "pause");
        await followed.Until("web one 172.20.0.2:80 1 Down, share 0");
        _engine.Put(Lost with { Network = "nowhere" }, "update");
        _engine.Put(One, "unpause");
        await followed.Until(First);

        // The last two changes may be seen at once.
        Assert.Equal(
            [
                "Information: container one is up again",
                "Warning: container lost: 'lab' is not one of its networks. Connect it to that network, or name another with "
                    + "ebpf-lb.network; it is on: elsewhere. The container is ignored.",
                "Warning: container lost: 'lab' is not one of its networks. Connect it to that network, or name another with "
                    + "ebpf-lb.network; it is on: nowhere. The container is ignored.",
                "Warning: container one is down: it is paused, or its own health check failed",
            ],
            followed.Logged.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Even_if_it_is_the_balancers_own_container()
    {
        _engine.Put(new FakeContainer("lb", $"{WatchedContainers.Own.Single()}"));
        await using var followed = new WatchedContainers(_engine);

        await followed.Until(First);

        Assert.Equal(
            [
                "Warning: container lb: '172.20.0.254' is the balancer's own address. Remove its labels, or run the backend in a "
                    + "network namespace of its own. The container is ignored.",
            ],
            followed.Logged);
    }

    [Fact]
    public async Task Also_while_the_balancers_own_addresses_cannot_be_read()
    {
        var isTold = true;
        _engine.Put(new FakeContainer("lb", $"{WatchedContainers.Own.Single()}"));
        await using var followed = new WatchedContainers(
            _engine, own: () => isTold ? WatchedContainers.Own : throw new LoadBalancerException("the kernel was asked in vain"));
        await followed.Until(First);

        isTold = false;
        _engine.Put(One with { State = "paused" }, "pause");
        await followed.Until("web one 172.20.0.2:80 1 Down, share 0");
        _engine.Put(One, "unpause");
        await followed.Until(First);

        Assert.Contains("'172.20.0.254' is the balancer's own address", followed.Logged[0], StringComparison.Ordinal);
        Assert.Equal(
            [
                "Warning: reading the balancer's own addresses failed, using the last known ones: the kernel was asked in vain",
                "Warning: container one is down: it is paused, or its own health check failed",
                "Information: container one is up again",
            ],
            followed.Logged[1..]);
    }

    [Fact]
    public async Task But_no_container_is_a_backend_before_the_own_addresses_are_known()
    {
        _engine.Put(new FakeContainer("lb", $"{WatchedContainers.Own.Single()}"));
        await using var followed = new WatchedContainers(
            _engine, own: () => throw new LoadBalancerException("the kernel was asked in vain"));

        var fault = await Assert.ThrowsAsync<LoadBalancerException>(followed.Next);

        Assert.Equal("the kernel was asked in vain", fault.Message);
    }

    /// <summary>As where a file names a network of compose without the project's name.</summary>
    [Fact]
    public async Task A_network_without_any_container_is_named_with_those_that_have_some()
    {
        _engine.Remove(One.Name);
        _engine.Put(new FakeContainer("db", "172.30.0.2") { Network = "shop_lab", Labels = new Dictionary<string, string>() });
        await using var followed = new WatchedContainers(_engine);
        await followed.Until();

        _engine.Put(One, "start");
        await followed.Until(First);

        Assert.Equal(
            [
                "Warning: no running container is on network 'lab', where backends are looked for. There are containers on: shop_lab. "
                    + "Start backends there, or correct the name: `docker network ls` lists the networks, and compose puts its project's name in front.",
            ],
            followed.Logged);
    }

    [Fact]
    public async Task And_it_is_a_backend_once_it_is_corrected()
    {
        _engine.Put(Lost);
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);

        _engine.Put(Lost with { Network = FakeEngine.Network, Address = "172.20.0.9" }, "update");

        await followed.Until("web lost 172.20.0.9:80 1", First);
    }
}
