using System.Collections.Concurrent;
using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace EbpfLb.Lab.Engine;

/// <summary>Removes what labs left on the engine: this one's at its end, crashed ones' at the next start.</summary>
/// <remarks>
/// The members of a network leave one after the other: engines can lose count of those that leave at once. Those of
/// different networks leave side by side.
/// </remarks>
sealed class LabCleaner(IDockerClient docker)
{
    const string Several = "*"; // no network has this name
    static readonly TimeSpan CleanTimeout = TimeSpan.FromSeconds(90);

    static readonly Dictionary<string, IDictionary<string, bool>> OfLabs =
        new() { ["label"] = new Dictionary<string, bool> { [LabRun.RunLabel] = true } };

    /// <summary>Removes what owners left that have ended, and leaves labs alone that run at this moment.</summary>
    /// <returns>What could not be removed, as the engine says it.</returns>
    public Task<IReadOnlyList<string>> RemoveLeftoversAsync() => CleanAsync(labels =>
        labels.TryGetValue(LabRun.OwnerLabel, out var owner) && LabOwner.Parse(owner) is { IsGone: true });

    /// <summary>Removes everything of this run.</summary>
    public Task RemoveOwnAsync() => Eventually.That("the engine has removed everything of this lab",
        () => CleanAsync(labels => labels[LabRun.RunLabel] == LabRun.Id),
        failures => failures.Count == 0, CleanTimeout, failures => string.Join('\n', failures));

    async Task<IReadOnlyList<string>> CleanAsync(Predicate<IDictionary<string, string>> isChosen)
    {
        var failures = new ConcurrentQueue<string>();
        var containers = await docker.Containers.ListContainersAsync(new() { All = true, Filters = OfLabs });
        var lanes = containers.Where(container => isChosen(container.Labels)).ToLookup(OnlyNetworkOf);
        await RemoveAllAsync(lanes[Several]);
        await Task.WhenAll(lanes.Where(lane => lane.Key != Several).Select(RemoveAllAsync));
        foreach (var network in await docker.Networks.ListNetworksAsync(new() { Filters = OfLabs }))
            if (isChosen(network.Labels))
                await RemoveAsync(docker.Networks.DeleteNetworkAsync(network.ID));
        var volumes = await docker.Volumes.ListAsync(new VolumesListParameters { Filters = OfLabs });
        foreach (var volume in volumes.Volumes ?? [])
            if (isChosen(volume.Labels))
                await RemoveAsync(docker.Volumes.RemoveAsync(volume.Name, force: true));
        return [.. failures];

        async Task RemoveAllAsync(IEnumerable<ContainerListResponse> lane)
        {
            foreach (var container in lane)
                await RemoveAsync(docker.Containers.RemoveContainerAsync(
                    container.ID, new() { Force = true, RemoveVolumes = true }));
        }

        // What is gone counts as removed: two runs that start together remove the same leftovers.
        async Task RemoveAsync(Task removal)
        {
            try
            {
                await removal;
            }
            catch (DockerApiException failure)
            {
                if (failure.StatusCode != HttpStatusCode.NotFound)
                    failures.Enqueue(failure.Message);
            }
        }
    }

    /// <summary>The name of its network; <see cref="Several"/> if it has more than one, and "" if it has none of its own.</summary>
    static string OnlyNetworkOf(ContainerListResponse container) =>
        container.NetworkSettings?.Networks is { Count: > 0 } networks
            ? networks.Count == 1 ? networks.Keys.Single() : Several
            : "";
}
