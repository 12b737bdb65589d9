using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Providers.Names;
using Microsoft.Extensions.Time.Testing;
using static EbpfLb.Unit.Providers.ScriptedNames;

namespace EbpfLb.Unit.Providers;

/// <summary>An address that is missing from an answer is not gone: a name server may answer with a part of them.</summary>
public sealed class AddressesAreHeld
{
    static readonly TimeSpan Hold = new LoadBalancerConfiguration().DnsHold;

    [Fact]
    public async Task Answers_that_rotate_two_of_three_addresses_change_nothing()
    {
        var names = new ScriptedNames().Say("web", [.. Enumerable.Range(0, 60).Select(turn => (turn % 3) switch
        {
            0 => Addresses("172.20.0.2", "172.20.0.3"),
            1 => Addresses("172.20.0.3", "172.20.0.4"),
            _ => Addresses("172.20.0.4", "172.20.0.2"),
        })]);
        await using var watched = new Watched(names, Hold, "web");

        Assert.Equal(["172.20.0.2:80", "172.20.0.3:80"], await watched.Next());
        Assert.Equal(["172.20.0.2:80", "172.20.0.3:80", "172.20.0.4:80"], await watched.Next());
        await watched.NoSnapshotUntil(() => names.Asked("web") > 50);
    }

    [Fact]
    public async Task An_address_that_answers_lack_for_the_hold_time_leaves()
    {
        var names = new ScriptedNames().Say("web", Addresses("172.20.0.2", "172.20.0.3"), Addresses("172.20.0.3"));
        await using var watched = new Watched(names, Hold, "web");
        await watched.Next();

        Assert.Equal(["172.20.0.3:80"], await watched.Next());

        Assert.InRange(watched.Elapsed, BackendResolver.Interval + Hold, BackendResolver.Interval + Hold + BackendResolver.Interval);
    }

    [Fact]
    public async Task The_time_begins_anew_after_a_server_failed()
    {
        var names = new ScriptedNames().Say("web",
            Addresses("172.20.0.2", "172.20.0.3"), Addresses("172.20.0.3"), NotNow, NotNow, NotNow, NotNow,
            Addresses("172.20.0.3"), Addresses("172.20.0.2", "172.20.0.3"));
        await using var watched = new Watched(names, Hold, "web");
        await watched.Next();

        await watched.NoSnapshotUntil(() => names.Asked("web") > 8);
    }

    [Fact]
    public void A_name_that_returns_to_the_configuration_starts_without_addresses()
    {
        var time = new FakeTimeProvider();
        var held = new HeldAddresses(time);
        held.Update("web", [IPAddress.Parse("172.20.0.2")], Hold, out _);

        time.Advance(HeldAddresses.Forgotten);
        var addresses = held.Update("web", [IPAddress.Parse("172.20.0.3")], Hold, out _);

        Assert.Equal([IPAddress.Parse("172.20.0.3")], addresses);
    }

    [Fact]
    public void A_name_has_no_more_addresses_than_there_is_a_limit_to()
    {
        var held = new HeldAddresses(new FakeTimeProvider());
        held.Update("web", [.. Some(0, HeldAddresses.Max)], Hold, out var none);

        var addresses = held.Update("web", [.. Some(HeldAddresses.Max, 10)], Hold, out var leftOut);

        Assert.Equal((0, 10, HeldAddresses.Max), (none, leftOut, addresses.Length));
        Assert.Subset(addresses.ToHashSet(), Some(HeldAddresses.Max, 10).ToHashSet());

        static IEnumerable<IPAddress> Some(int first, int count) =>
            Enumerable.Range(first, count).Select(i => new IPAddress([10, 1, (byte)(i / 256), (byte)i]));
    }
}
