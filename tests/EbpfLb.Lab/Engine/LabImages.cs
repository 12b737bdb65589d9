namespace EbpfLb.Lab.Engine;

/// <summary>The lab's images, built from the Dockerfiles in lab/ as compose builds them, from the same cache.</summary>
/// <param name="Balancer">The runner, as its users get it.</param>
/// <param name="Client">Tools to send traffic with and to look at it.</param>
/// <param name="Backend">What is balanced: nginxdemos/hello, or its stand-in where that cannot be pulled.</param>
/// <param name="Origin">A server of files and of names, which nginxdemos/hello is not.</param>
sealed record LabImages(string Balancer, string Client, string Backend, string Origin)
{
    static readonly string[] BaseImageArguments = ["DEBIAN_IMAGE", "SDK_IMAGE"];
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    /// <summary>The stand-ins that lab/setup named, where it had to build some.</summary>
    static Dictionary<string, string> Settings { get; } = Read(Path.Combine(Repository.Root, "lab", ".env"));

    /// <summary>Built when it is first asked for, and once.</summary>
    readonly Lazy<Task<string>> _otherBalancer = new(() => BuildAsync("lb", tag: "other-lb",
        arguments: ["--build-arg=LB_VERSION=0.0.1", "--build-arg=BPF_DEBUG=1", "--build-arg=LB_AOT=false"]));

    /// <summary>Built when it is first asked for, and once.</summary>
    readonly Lazy<Task<string>> _prometheus = new(() => BuildAsync("prometheus"));

    readonly Lazy<Task<string>> _node = new(() => BuildAsync("node", arguments:
        [$"--build-arg=BALANCER_IMAGE={Balancer}", $"--build-arg=CLIENT_IMAGE={Client}"]));

    Task _ahead = Task.CompletedTask;

    public static async Task<LabImages> BuildAsync()
    {
        var images = await Task.WhenAll(BuildAsync("lb"), BuildAsync("client"), BuildAsync("backend"));
        return new LabImages(images[0], images[1],
            Settings.GetValueOrDefault("EBPFLB_BACKEND_IMAGE", "nginxdemos/hello:plain-text"), images[2]);
    }

    /// <summary>
    /// Starts the builds that only some specs ask for, beside all that goes on. The engine's cache knows each layer by its
    /// content: what has not changed is not built again.
    /// </summary>
    public void BuildAhead() => _ahead = Task.WhenAll(_otherBalancer.Value, _prometheus.Value, _node.Value);

    /// <summary>Waits for these builds, if they were started. Their faults are those of the specs that ask for them.</summary>
    public async Task EndBuildsAsync() => await _ahead.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>Another build of the balancer: its version is another, and so are its eBPF programs.</summary>
    /// <remarks>It is no native one: that takes minutes to compile, and no other build needs to be one to take over.</remarks>
    public Task<string> BuildOtherBalancerAsync() => _otherBalancer.Value;

    /// <summary>Prometheus of the distribution, which needs no registry.</summary>
    public Task<string> BuildPrometheusAsync() => _prometheus.Value;

    /// <summary>A machine with the engines that move addresses between balancers.</summary>
    public Task<string> BuildNodeAsync() => _node.Value;

    /// <summary>Builds an image from its Dockerfile in the repository.</summary>
    /// <param name="name">That ends the Dockerfile's name.</param>
    /// <param name="folder">Where the Dockerfile stands.</param>
    /// <param name="tag">That ends the image's name, where it is another.</param>
    /// <param name="arguments">Of the engine's client, beside those for the base images.</param>
    /// <returns>The id, not the tag: another run may build from another state of the repository meanwhile.</returns>
    public static Task<string> BuildAsync(
        string name, string folder = "lab", string? tag = null, params string[] arguments) =>
        StepTimes.MeasureAsync(Step.ImageBuild, () => HostCommand.RunAsync("docker",
            ["build", "--quiet", "--force-rm", "--tag", $"ebpf-lb/{tag ?? name}",
                "--file", Path.Combine(Repository.Root, folder, $"Dockerfile.{name}"), .. BaseImages(), .. arguments, Repository.Root],
            Patience));

    static IEnumerable<string> BaseImages() =>
        from name in BaseImageArguments
        where Settings.ContainsKey($"EBPFLB_{name}")
        select $"--build-arg={name}={Settings[$"EBPFLB_{name}"]}";

    static Dictionary<string, string> Read(string file) =>
        (File.Exists(file) ? File.ReadLines(file) : [])
            .Select(line => line.Split('=', 2))
            .Where(pair => pair.Length == 2 && !pair[0].StartsWith('#'))
            .ToDictionary(pair => pair[0].Trim(), pair => pair[1].Trim());
}
