using static EbpfLb.Unit.Providers.ScriptedNames;

namespace EbpfLb.Unit.Providers;

/// <summary>A balancer does not start with backends that it cannot find, but it gives name servers a moment.</summary>
public sealed class EveryNameMustResolveAtTheStart
{
    [Fact]
    public async Task A_name_that_resolves_on_the_second_try_is_fine()
    {
        var names = new ScriptedNames().Say("web", Unknown, Addresses("172.20.0.2"));
        await using var watched = new Watched(names, "web");

        Assert.Equal(["172.20.0.2:80"], await watched.Next());
        Assert.Equal(2, names.Asked("web"));
    }

    [Fact]
    public async Task Names_that_never_resolve_are_all_named_in_one_sentence()
    {
        var names = new ScriptedNames()
            .Say("nobody", Unknown).Say("web", Addresses("172.20.0.2")).Say("local", Addresses("127.0.0.1", "fe80::1"));
        await using var watched = new Watched(names, "nobody", "web", "local");

        var fault = await Assert.ThrowsAsync<LoadBalancerException>(watched.Next);

        Assert.Matches(
            "^resolving the backends failed for 'nobody' \\(.+\\), 'local' \\(no address .+ \\[127.0.0.1, fe80::1\\]\\)\\. Check ",
            fault.Message);
        Assert.Equal(4, names.Asked("nobody"));
    }

    [Fact]
    public async Task A_name_server_that_is_silent_is_not_waited_for_long()
    {
        await using var watched = new Watched(new ScriptedNames().Say("web", Silence), "web");

        var fault = await Assert.ThrowsAsync<LoadBalancerException>(watched.Next);

        Assert.Contains("'web' (no answer in time)", fault.Message, StringComparison.Ordinal);
    }
}
