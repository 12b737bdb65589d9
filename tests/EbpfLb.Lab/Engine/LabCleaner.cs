using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace EbpfLb.Lab.Engine;

/// <summary>Removes what labs left on the engine: this one's at its end, crashed ones' at the next start.</summary>
/// <remarks>One thing after the other: engines can lose count of a network's members that leave at once.</remarks>
sealed class LabCleaner(IDockerClient docker)
{
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
        var failures = new List<string>();
        foreach (var container in await docker.Containers.ListContainersAsync(new() { All = true, Filters = OfLabs }))
            if (isChosen(container.Labels))
                await RemoveAsync(docker.Containers.RemoveContainerAsync(
                    container.ID, new() { Force = true, RemoveVolumes = true }));
        foreach (var network in await docker.Networks.ListNetworksAsync(new() { Filters = OfLabs }))
            if (isChosen(network.Labels))
                await RemoveAsync(docker.Networks.DeleteNetworkAsync(network.ID));
        var volumes = await docker.Volumes.ListAsync(new VolumesListParameters { Filters = OfLabs });
        foreach (var volume in volumes.Volumes ?? [])
            if (isChosen(volume.Labels))
                await RemoveAsync(docker.Volumes.RemoveAsync(volume.Name, force: true));
        return failures;

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
                    failures.Add(failure.Message);
            }
        }
    }
}
