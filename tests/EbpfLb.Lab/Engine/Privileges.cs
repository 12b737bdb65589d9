using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace EbpfLb.Lab.Engine;

/// <summary>What balancers may do: no more than it needs, in the words its engine knows.</summary>
sealed class Privileges
{
    /// <summary>What a balancer needs.</summary>
    public static readonly string[] Exact = ["NET_ADMIN", "BPF", "PERFMON"];

    /// <summary>For engines older than the capabilities above.</summary>
    public static readonly string[] Wide = ["NET_ADMIN", "SYS_ADMIN"];

    readonly string[] _capabilities;

    Privileges(string[] capabilities) => _capabilities = capabilities;

    /// <summary>Asks the engine for a container with the exact capabilities; it refuses unknown ones.</summary>
    public static async Task<Privileges> FindAsync(IDockerClient docker, string image)
    {
        try
        {
            var trial = await docker.Containers.CreateContainerAsync(new()
            {
                Image = image,
                Labels = LabRun.Labels.ToDictionary(),
                HostConfig = new HostConfig { CapAdd = Exact },
            });
            await docker.Containers.RemoveContainerAsync(trial.ID, new());
            return new Privileges(Exact);
        }
        catch (DockerApiException refusal) when (refusal.StatusCode == HttpStatusCode.BadRequest)
        {
            return new Privileges(Wide);
        }
    }

    /// <summary>Grants a balancer what it needs.</summary>
    public void GrantTo(HostConfig balancer)
    {
        balancer.CapAdd = _capabilities;
        balancer.Privileged = LabRun.IsPrivileged;
    }

    /// <summary>Grants a machine's own tools to look up whatever the kernel has.</summary>
    public static void GrantToolsTo(HostConfig machine) => machine.CapAdd = Wide;
}
