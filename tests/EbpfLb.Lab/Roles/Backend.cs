using System.Text.RegularExpressions;

namespace EbpfLb.Lab.Roles;

/// <summary>A web server that answers every request with its own name and the path that was asked for.</summary>
public sealed partial class Backend : Role
{
    static readonly TimeSpan LongestWay = TimeSpan.FromSeconds(30);

    /// <param name="pool">A name that it shares with others.</param>
    /// <param name="direct">Whether it is to share an address with a balancer.</param>
    internal Backend(LabNetwork network, string name, string? pool = null, bool direct = false)
        : base(network, name, network.Member(network.Engine.Images.Backend, name)
            .WithNetworkAliases(pool ?? name)
            .SharingIf(direct)
            .Build())
    {
    }

    /// <summary>Ends it on the spot; nobody is told.</summary>
    public Task KillAsync() => Docker.Containers.KillContainerAsync(Id, new() { Signal = "SIGKILL" });

    /// <summary>Has it hang: its machine still takes connections, and nobody answers on them.</summary>
    public Task PauseAsync() => Docker.Containers.PauseContainerAsync(Id);

    /// <summary>Has it go on.</summary>
    public Task ResumeAsync() => Docker.Containers.UnpauseContainerAsync(Id);

    /// <summary>The paths it was asked for and has answered, from its access log, in order.</summary>
    public async Task<IReadOnlyList<string>> RequestsAsync()
    {
        var (log, _) = await LogsAsync();
        return [.. Request().Matches(log).Select(match => match.Groups["path"].Value)];
    }

    /// <summary>Waits until it was asked for something, and tells how long after its start that was, by the engine's clock.</summary>
    public Task<TimeSpan> TimeToFirstRequestAsync() =>
        TimeToLineAsync($"{Name} is asked for something", line => Request().IsMatch(line), LongestWay);

    /// <summary>Who asked for a path, as its access log begins: an address, the stand-in's with its port.</summary>
    internal async Task<IReadOnlyList<string>> AskersAsync(string path)
    {
        var (log, _) = await LogsAsync();
        return
        [
            .. log.Split('\n').Where(line => line.Contains($"\"GET {path} ", StringComparison.Ordinal))
                .Select(line => line.Split(' ')[0]),
        ];
    }

    [GeneratedRegex("""
        "GET (?<path>\S+) HTTP
        """)]
    private static partial Regex Request();
}
