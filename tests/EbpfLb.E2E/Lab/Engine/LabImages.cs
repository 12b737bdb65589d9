namespace EbpfLb.E2E.Lab.Engine;

/// <summary>The lab's images, built from the Dockerfiles in lab/ as compose builds them, from the same cache.</summary>
/// <param name="Balancer">The runner, as its users get it.</param>
/// <param name="Client">Tools to send traffic with and to look at it.</param>
/// <param name="Backend">What is balanced: nginxdemos/hello, or its stand-in where that cannot be pulled.</param>
/// <param name="Origin">A server of files and of names, which nginxdemos/hello is not.</param>
sealed record LabImages(string Balancer, string Client, string Backend, string Origin)
{
    static readonly string[] BaseImageArguments = ["DEBIAN_IMAGE", "SDK_IMAGE"];
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    /// <summary>Built when it is first asked for, and once.</summary>
    readonly Lazy<Task<string>> _otherBalancer = new(() => BuildAsync(
        "lb", "other-lb", Settings(), "--build-arg=LB_VERSION=0.0.1", "--build-arg=BPF_DEBUG=1"));

    public static async Task<LabImages> BuildAsync()
    {
        var settings = Settings();
        var images = await Task.WhenAll(
            BuildAsync("lb", "lb", settings), BuildAsync("client", "client", settings), BuildAsync("backend", "backend", settings));
        return new LabImages(images[0], images[1],
            settings.GetValueOrDefault("EBPFLB_BACKEND_IMAGE", "nginxdemos/hello:plain-text"), images[2]);
    }

    /// <summary>Another build of the balancer: its version is another, and so are its eBPF programs.</summary>
    public Task<string> BuildOtherBalancerAsync() => _otherBalancer.Value;

    /// <summary>Where the tests come from.</summary>
    public static string Repository()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "EbpfLb.sln")))
            directory = directory.Parent ?? throw new LabException("The tests do not run inside the repository");
        return directory.FullName;
    }

    /// <summary>The id, not the tag: another run may build from another state of the repository meanwhile.</summary>
    static Task<string> BuildAsync(string name, string tag, Dictionary<string, string> settings, params string[] arguments) =>
        HostCommand.RunAsync("docker",
            ["build", "--quiet", "--force-rm", "--tag", $"ebpf-lb/{tag}",
                "--file", Path.Combine(Repository(), "lab", $"Dockerfile.{name}"), .. BaseImages(settings), .. arguments, Repository()],
            Patience);

    static IEnumerable<string> BaseImages(Dictionary<string, string> settings) =>
        from name in BaseImageArguments
        where settings.ContainsKey($"EBPFLB_{name}")
        select $"--build-arg={name}={settings[$"EBPFLB_{name}"]}";

    /// <summary>The stand-ins that lab/setup named, where it had to build some.</summary>
    static Dictionary<string, string> Settings()
    {
        var file = Path.Combine(Repository(), "lab", ".env");
        return (File.Exists(file) ? File.ReadLines(file) : [])
            .Select(line => line.Split('=', 2))
            .Where(pair => pair.Length == 2 && !pair[0].StartsWith('#'))
            .ToDictionary(pair => pair[0].Trim(), pair => pair[1].Trim());
    }
}
