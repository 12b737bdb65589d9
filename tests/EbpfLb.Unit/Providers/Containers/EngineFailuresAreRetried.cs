namespace EbpfLb.Unit.Providers.Containers;

/// <summary>An engine that falls silent, or talks nonsense, takes no backend away; once it makes sense again it is believed.</summary>
public sealed class EngineFailuresAreRetried : IAsyncDisposable
{
    const string First = "web one 172.20.0.2:80 1";
    static readonly FakeContainer One = new("one", "172.20.0.2");
    static readonly FakeContainer Other = new("other", "172.20.0.3");

    readonly FakeEngine _engine = new();

    public EngineFailuresAreRetried() => _engine.Put(One);

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task A_broken_stream_of_events_is_resumed_after_a_full_list()
    {
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);
        await HeardAsync();

        _engine.Put(Other);
        _engine.HangUp();

        await followed.Until(First, "web other 172.20.0.3:80 1");
        await followed.UntilLogged(2);
        Assert.Collection(followed.Logged, AssertLost, line => Assert.Matches(
            "^Information: the container engine at unix:///.+ answers again$", line));
    }

    [Fact]
    public async Task Changes_during_an_outage_are_found_after_it()
    {
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);
        await HeardAsync();

        _engine.Close();
        _engine.Remove("one");
        _engine.Put(Other);
        _engine.Put(new FakeContainer("third", "172.20.0.4"));
        _engine.Tell(Other, "kill", ("signal", "15"));
        _engine.Open();

        await followed.Until("web other 172.20.0.3:80 0", "web third 172.20.0.4:80 1");
        AssertLost(followed.Logged[0]);
    }

    public static TheoryData<string, string> Nonsense => new()
    {
        { "/events", "this is no JSON" },
        { "/events", "[[[[" },
        { "/events", """{ "Type": 7 }""" },
        { "/events", "null" },
        { "/containers/json", "{" },
        { "/containers/json", """[ { "Id": [] } ]""" },
        { "/containers/json", """{ "message": "no" }""" },
        { "/version", "" },
        { "/version", """{ "ApiVersion": "latest" }""" },
    };

    [Theory]
    [MemberData(nameof(Nonsense))]
    public async Task An_invalid_answer_removes_no_backend_and_is_reported_once(string path, string words)
    {
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);
        await HeardAsync();

        var asked = _engine.Asked.Count(question => question.EndsWith(path, StringComparison.Ordinal));
        _engine.Answer(path, words);
        _engine.HangUp();
        await _engine.IsAskedAsync(path, asked + 3);
        _engine.Put(Other);
        _engine.AnswerWell(path);

        await followed.Until(First, "web other 172.20.0.3:80 1");
        AssertLost(Assert.Single(followed.Logged, line => line.StartsWith("Warning", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Invalid_containers_are_no_backends()
    {
        _engine.Answer("/containers/json", """
            [
              null, {}, { "Id": null, "State": "running" }, { "Id": "../../images", "State": "running" },
              { "Id": "0a", "State": "running", "Names": null, "Labels": null, "NetworkSettings": null },
              { "Id": "0b", "State": "running", "Names": [ null, "\u001b[31m" ], "Labels": { "ebpf-lb.service": "web" },
                "NetworkSettings": { "Networks": { "lab": null } } },
              { "Id": "0c", "State": "running", "Names": [ "/c" ], "Labels": { "ebpf-lb.service": null },
                "NetworkSettings": { "Networks": null } },
              { "Id": "0d", "State": "running", "Names": [ "/d" ], "Labels": { "ebpf-lb.service": "web" },
                "NetworkSettings": { "Networks": { "lab": { "IPAddress": "127.0.0.1", "GlobalIPv6Address": "fe80::1" } } } },
              { "Id": "0e", "State": "running", "Names": [ "/one/alias", "/e" ], "Labels": { "ebpf-lb.service": "web" },
                "NetworkSettings": { "Networks": { "lab": { "IPAddress": "172.20.0.2" } } } }
            ]
            """);
        await using var followed = new WatchedContainers(_engine);

        await followed.Until("web e 172.20.0.2:80 1 Down, share 0");
        Assert.Equal(
            [
                "Warning: container 0b: 'lab' is a network that gives it no address. Connect it to that network, or name "
                    + "another with ebpf-lb.network; it is on: lab. The container is ignored.",
                "Warning: container d: 'lab' is a network that gives it no address. Connect it to that network, or name "
                    + "another with ebpf-lb.network; it is on: lab. The container is ignored.",
            ],
            followed.Logged);
    }

    [Fact]
    public async Task Invalid_events_are_ignored()
    {
        await using var followed = new WatchedContainers(_engine);
        await followed.Until(First);
        await HeardAsync();

        _engine.Send("""
            {} { "Type": "container" } { "Type": "container", "Action": "kill", "Actor": { "Attributes": { "ebpf-lb.service": null } } }
            { "Type": "container", "Action": "kill", "Actor": { "ID": "../..", "Attributes": { "ebpf-lb.service": "web", "signal": "x" } } }
            """);
        _engine.Put(Other, "start");

        await followed.Until(First, "web other 172.20.0.3:80 1");
        Assert.Empty(followed.Logged);
    }

    [Theory]
    [InlineData("1.47", "1.24", "/v1.41/containers/json")]
    [InlineData("1.41", "1.12", "/v1.41/containers/json")]
    [InlineData("1.60", "1.44", "/v1.44/containers/json")]
    public async Task The_oldest_common_api_version_is_used(string newest, string least, string path)
    {
        _engine.Answer("/version", $$"""{ "ApiVersion": "{{newest}}", "MinAPIVersion": "{{least}}" }""");
        await using var followed = new WatchedContainers(_engine);

        await followed.Until(First);

        Assert.Contains(path, _engine.Asked);
    }

    [Fact]
    public async Task At_the_start_an_engine_that_is_too_old_is_a_sentence()
    {
        _engine.Answer("/version", """{ "ApiVersion": "1.40" }""");

        Assert.Equal(
            $"listing the containers of the engine at unix://{_engine.Path} failed: its API has version 1.40, and 1.41 "
            + "(Docker 20.10) is the oldest supported one. "
            + "Start the engine, give this process access to its socket, or configure another socket.",
            (await FailAsync()).Message);
    }

    [Fact]
    public async Task At_the_start_an_engine_that_is_not_there_is_a_sentence()
    {
        _engine.Close();

        Assert.Matches($"^listing the containers of the engine at unix://{_engine.Path} failed: .+\\. Start the engine", (await FailAsync()).Message);
    }

    [Fact]
    public async Task At_the_start_an_engine_has_a_moment_to_come_up()
    {
        _engine.Close();
        await using var followed = new WatchedContainers(_engine);
        var found = followed.Until(First);

        _engine.Open();

        await found;
        Assert.Empty(followed.Logged);
    }

    /// <summary>Waits until the engine was asked for events, so that one knows which connection hears what follows.</summary>
    Task HeardAsync() => _engine.IsAskedAsync("/events", atLeast: 1);

    static void AssertLost(string line) => Assert.Matches(
        "^Warning: the container engine at unix:///.+ stopped answering \\(.+\\); its backends stay as they were$", line);

    async Task<LoadBalancerException> FailAsync()
    {
        await using var followed = new WatchedContainers(_engine);
        return await Assert.ThrowsAsync<LoadBalancerException>(followed.Next);
    }
}
