using static EbpfLb.Unit.Providers.ScriptedNames;

namespace EbpfLb.Unit.Providers;

/// <summary>A backend's name stands for all its addresses, at the start and ever after.</summary>
public sealed class NamesAreResolvedAgain
{
    [Fact]
    public async Task All_addresses_of_a_name_become_backends_sorted_and_once()
    {
        await using var watched = new Watched(
            new ScriptedNames().Say("web", Addresses("172.20.0.10", "172.20.0.9", "172.20.0.10")), "web:8080", "172.20.0.2");

        Assert.Equal(["172.20.0.9:8080", "172.20.0.10:8080", "172.20.0.2:80"], await watched.Next());
    }

    [Fact]
    public async Task Addresses_of_both_families_become_backends_ipv4_first()
    {
        await using var watched = new Watched(
            new ScriptedNames().Say("web", Addresses("2001:db8::a", "172.20.0.3", "fd00::9", "2001:db8::9", "172.20.0.2")),
            "web", "fd00::1");

        Assert.Equal(
            [
                "172.20.0.2:80", "172.20.0.3:80", "[2001:db8::9]:80", "[2001:db8::a]:80", "[fd00::9]:80",
                "[fd00::1]:80",
            ],
            await watched.Next());
    }

    [Fact]
    public async Task Link_local_addresses_are_not_used()
    {
        await using var watched = new Watched(
            new ScriptedNames().Say("web", Addresses("fe80::2", "fd00::2", "::1", "::ffff:172.20.0.2")), "web");

        Assert.Equal(["[fd00::2]:80"], await watched.Next());
    }

    [Fact]
    public async Task Two_names_of_one_address_make_one_backend()
    {
        await using var watched = new Watched(
            new ScriptedNames().Say("a", Addresses("172.20.0.2")).Say("b", Addresses("172.20.0.2", "172.20.0.3")), "a", "b");

        Assert.Equal(["172.20.0.2:80", "172.20.0.3:80"], await watched.Next());
    }

    [Fact]
    public async Task A_change_gives_a_new_snapshot_and_no_change_gives_none()
    {
        var names = new ScriptedNames().Say("web",
            Addresses("172.20.0.2", "172.20.0.3"), Addresses("172.20.0.3", "172.20.0.2"), Addresses("172.20.0.4"));
        await using var watched = new Watched(names, "web");

        Assert.Equal(["172.20.0.2:80", "172.20.0.3:80"], await watched.Next());
        Assert.Equal(["172.20.0.4:80"], await watched.Next());
        Assert.Equal(3, names.Asked("web"));
        Assert.InRange(watched.Elapsed, TimeSpan.FromSeconds(10), TimeSpan.FromHours(1));
    }

    [Fact]
    public async Task Addresses_in_numbers_need_no_name_service_and_never_change()
    {
        var names = new ScriptedNames();
        await using var watched = new Watched(names, "172.20.0.2");

        Assert.Equal(["172.20.0.2:80"], await watched.Next());
        await watched.NoSnapshotUntil(() => watched.Elapsed > TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task A_name_that_fails_later_keeps_its_addresses_and_is_logged_once_per_change()
    {
        var names = new ScriptedNames().Say("web",
            Addresses("172.20.0.2"), NotNow, NotNow, Addresses("172.20.0.2"),
            Silence, Addresses("127.0.0.1"), Addresses("172.20.0.3"));
        await using var watched = new Watched(names, "web");

        Assert.Equal(["172.20.0.2:80"], await watched.Next());
        Assert.Equal(["172.20.0.3:80"], await watched.Next());
        Assert.Equal(7, names.Asked("web"));
        Assert.Collection(watched.Logged,
            line => Assert.Matches("^Warning: backend name 'web' stopped resolving \\(.+\\); it keeps 172.20.0.2$", line),
            line => Assert.Equal("Information: backend name 'web' resolves again", line),
            line => Assert.Equal("Warning: backend name 'web' stopped resolving (no answer in time); it keeps 172.20.0.2", line),
            line => Assert.Equal("Information: backend name 'web' resolves again", line));
    }

    [Fact]
    public async Task A_name_that_is_gone_loses_its_backends_until_it_is_back()
    {
        var names = new ScriptedNames()
            .Say("a", Addresses("172.20.0.2"))
            .Say("b", Addresses("172.20.0.3"), Unknown, Unknown, Unknown, Unknown, Addresses("172.20.0.4"));
        await using var watched = new Watched(names, "a", "b");

        Assert.Equal(["172.20.0.2:80", "172.20.0.3:80"], await watched.Next());
        Assert.Equal(["172.20.0.2:80"], await watched.Next());
        Assert.Equal(["172.20.0.2:80", "172.20.0.4:80"], await watched.Next());
        Assert.Collection(watched.Logged,
            line => Assert.Matches("^Warning: backend name 'b' stopped resolving", line),
            line => Assert.Matches("^Warning: backend name 'b' no longer exists \\(.+\\): its backends take no new flow\\. Restore its record", line),
            line => Assert.Equal("Information: backend name 'b' resolves again", line));
    }

    [Fact]
    public async Task A_name_that_is_gone_now_and_then_while_its_servers_fail_keeps_its_backends()
    {
        var names = new ScriptedNames()
            .Say("a", Addresses("172.20.0.2"), Unknown, NotNow, Unknown, NotNow, Unknown, NotNow, Unknown, Addresses("172.20.0.3"));
        await using var watched = new Watched(names, "a");

        Assert.Equal(["172.20.0.2:80"], await watched.Next());
        Assert.Equal(["172.20.0.3:80"], await watched.Next());
    }

    [Fact]
    public async Task A_steady_name_gives_no_further_snapshot()
    {
        var names = new ScriptedNames().Say("web", Addresses("172.20.0.2"));
        await using var watched = new Watched(names, "web");

        await watched.Next();
        await watched.NoSnapshotUntil(() => names.Asked("web") > 5);
        Assert.Empty(watched.Logged);
    }
}
