using System.Globalization;
using Docker.DotNet.Models;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Lab;

/// <summary>
/// What lab/compose.docker.yaml describes, brought up by compose itself as a project of its own on the lab's network:
/// a balancer, and servers that it finds by their labels, as many as compose is told.
/// </summary>
public sealed class ComposedPool : IAsyncDisposable
{
    static readonly TimeSpan LongestCompose = TimeSpan.FromMinutes(2);
    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(30);

    readonly LabNetwork _network;
    readonly string _project;
    readonly string _file;
    string _balancer = "";

    ComposedPool(LabNetwork network, string name)
    {
        (_network, _project) = (network, network.NameOfContainer(name));
        _file = Path.Combine(Path.GetTempPath(), $"{_project}.yaml");
    }

    /// <summary>The balancer's address, as a part of URLs.</summary>
    internal string Host { get; private set; } = "";

    internal static async Task<ComposedPool> StartAsync(LabNetwork network, string name, int servers)
    {
        var pool = new ComposedPool(network, name);
        try
        {
            await pool.StartAsync(servers);
            return pool;
        }
        catch
        {
            await pool.DisposeAsync();
            throw;
        }
    }

    async Task StartAsync(int servers)
    {
        await File.WriteAllTextAsync(_file, Changes());
        await ScaleAsync(servers);
        _balancer = (await ContainersOfAsync("lb")).Single();
        Host = $"{(await _network.AddressesOfAsync(_balancer))[Family.IPv4]}";
        await Eventually.That("the balancer that compose started is ready", () => LogsAsync(_balancer),
            logs => logs.Contains("ready: ", StringComparison.Ordinal), LongestStart);
    }

    /// <summary>Has compose bring the servers to this number.</summary>
    public Task ScaleAsync(int servers) => ComposeAsync("up", "--detach", "--scale", $"web={servers}", "lb");

    /// <summary>The servers that run, by the names that they answer with.</summary>
    public async Task<IReadOnlySet<string>> ServersAsync() => (await ContainersOfAsync("web")).Select(NameOf).ToHashSet();

    /// <summary>Waits until a server was asked for something; tells how long after its start, and after its health check first passed, that was.</summary>
    public async Task<(TimeSpan AfterStart, TimeSpan AfterHealth)> TimeToFirstRequestAsync(string server)
    {
        var id = (await ContainersOfAsync("web")).Single(id => NameOf(id) == server);
        // The engine remembers five checks only: the first that passes is looked for first.
        var passed = await Eventually.That($"{server} is healthy", () => PassedChecksOfAsync(id), checks => checks.Count > 0, LongestStart);
        var first = await Eventually.That($"{server} is asked for something", () => FirstRequestOfAsync(id), line => line.Length > 0, LongestStart);
        var asked = Time(first.Split(' ')[0]);
        return (asked - Time((await InspectAsync(id)).State!.StartedAt!), asked - passed.Min());
    }

    /// <summary>Has compose take it down; what its balancer told is kept as evidence.</summary>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_balancer.Length != 0)
            LabContext.Current.Attach($"{_project}: what its balancer printed", await LogsAsync(_balancer));
        await ComposeAsync("down", "--volumes", "--timeout", "5");
        File.Delete(_file);
    }

    static string NameOf(string id) => id[..12]; // as the engine names the machine of a container that has no name for it

    Task<ContainerInspectResponse> InspectAsync(string id) => _network.Engine.Docker.Containers.InspectContainerAsync(id);

    async Task<IReadOnlyList<DateTime>> PassedChecksOfAsync(string id) =>
        [.. (await InspectAsync(id)).State!.Health!.Log!.Where(check => check.ExitCode == 0).Select(check => check.End)];

    async Task<string> FirstRequestOfAsync(string id) => (await LogsAsync(id)).Split('\n')
        .FirstOrDefault(line => line.Contains("\"GET /", StringComparison.Ordinal)) ?? "";

    async Task<IReadOnlyList<string>> ContainersOfAsync(string service)
    {
        var found = await _network.Engine.Docker.Containers.ListContainersAsync(new()
        {
            Filters = new Dictionary<string, IDictionary<string, bool>>
            {
                ["label"] = new Dictionary<string, bool>
                {
                    [$"com.docker.compose.project={_project}"] = true,
                    [$"com.docker.compose.service={service}"] = true,
                },
            },
        });
        return [.. found.Select(container => container.ID)];
    }

    /// <summary>Both outputs, each line after its time.</summary>
    async Task<string> LogsAsync(string id)
    {
        using var logs = await _network.Engine.Docker.Containers.GetContainerLogsAsync(
            id, new() { ShowStdout = true, ShowStderr = true, Timestamps = true }, LabContext.Current.CancellationToken);
        var (stdout, stderr) = await logs.ReadOutputToEndAsync(LabContext.Current.CancellationToken);
        return stdout + stderr;
    }

    Task<string> ComposeAsync(params string[] command) => HostCommand.RunAsync("env",
        [
            $"EBPFLB_PROJECT={_project}", Path.Combine(Repository.Root, "lab", "compose"),
            "--file", "compose.docker.yaml", "--file", _file, .. command,
        ], LongestCompose);

    /// <summary>What differs from the file in lab/: the names, which are this run's, and the labels that the cleaner goes by.</summary>
    string Changes() =>
        $$"""
        services:
          web: { labels: { {{Labels}} } }
          lb:
            image: "{{_network.Engine.Images.Balancer}}"
            command: run --interface eth0 --listen :80 --docker {{_network.Name}}
            labels: { {{Labels}} }
        networks:
          lab: { external: true, name: {{_network.Name}} }
        volumes:
          bpffs: { name: {{_network.NameOfVolume(_project)}}, labels: { {{Labels}} } }
        """;

    static string Labels => string.Join(", ", LabRun.Labels.Select(label => $"{label.Key}: \"{label.Value}\""));

    static DateTime Time(string text) => DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal);
}
