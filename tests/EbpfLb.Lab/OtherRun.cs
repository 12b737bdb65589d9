using System.Diagnostics;
using Docker.DotNet;
using Docker.DotNet.Models;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Lab;

/// <summary>Another run of the suite, as the engine knows it: a process, and things labelled with it.</summary>
public sealed class OtherRun : IAsyncDisposable
{
    readonly LabEngine _engine;
    readonly Process _process;
    readonly string _name;
    string _container = "", _network = "";

    OtherRun(LabEngine engine, Process process) =>
        (_engine, _process, _name) = (engine, process, $"{LabRun.Id}-other-{process.Id}");

    internal static async Task<OtherRun> StartAsync(LabEngine engine)
    {
        var run = new OtherRun(engine, Process.Start("sleep", "infinity"));
        var labels = new Dictionary<string, string>
        {
            [LabRun.RunLabel] = run._name,
            [LabRun.OwnerLabel] = LabOwner.Of(run._process.Id).ToString(),
        };
        var docker = engine.Docker;
        run._network = (await docker.Networks.CreateNetworkAsync(new() { Name = run._name, Labels = labels })).ID;
        await docker.Volumes.CreateAsync(new() { Name = run._name, Labels = labels });
        run._container = (await docker.Containers.CreateContainerAsync(new()
        {
            Name = run._name,
            Image = engine.Images.Client,
            Labels = labels,
            Cmd = ["sleep", "infinity"],
            HostConfig = new HostConfig { NetworkMode = run._name, Binds = [$"{run._name}:/data"] },
        })).ID;
        await docker.Containers.StartContainerAsync(run._container, new());
        return run;
    }

    /// <summary>Ends its process with SIGKILL: it removes nothing itself.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(LabContext.Current.CancellationToken);
    }

    /// <summary>The kinds of its things that the engine still has.</summary>
    public async Task<IReadOnlyList<string>> RemainsAsync()
    {
        var docker = _engine.Docker;
        (string Kind, Func<Task> Look)[] things =
        [
            ("container", () => docker.Containers.InspectContainerAsync(_container)),
            ("network", () => docker.Networks.InspectNetworkAsync(_network)),
            ("volume", () => docker.Volumes.InspectAsync(_name)),
        ];
        List<string> remains = [];
        foreach (var (kind, look) in things)
        {
            try
            {
                await look();
                remains.Add(kind);
            }
            catch (DockerApiException missing) when (missing.StatusCode == System.Net.HttpStatusCode.NotFound)
            {
            }
        }
        return remains;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
        await _engine.RemoveLeftoversAsync();
    }
}
