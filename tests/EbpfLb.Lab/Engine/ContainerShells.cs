using System.Collections.Concurrent;
using Docker.DotNet;

namespace EbpfLb.Lab.Engine;

/// <summary>The shells of one container: as many as it had commands at a time.</summary>
sealed class ContainerShells(IDockerClient docker) : IDisposable
{
    readonly ConcurrentBag<ContainerShell> _idle = [];

    /// <summary>Runs a command in a shell that has nothing to do, or in a new one.</summary>
    /// <exception cref="LabException">The container does not run, or ended before the command did.</exception>
    public async Task<Output> RunAsync(string container, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        while (_idle.TryTake(out var idle))
            if (await RunInAsync(idle, command, cancellation) is { } output)
                return output;
        try
        {
            return await RunInAsync(await ContainerShell.OpenAsync(docker, container, cancellation), command, cancellation)
                ?? throw new LabException($"'{string.Join(' ', command)}' cannot run: its container ended");
        }
        catch (DockerApiException refusal)
        {
            throw new LabException($"'{string.Join(' ', command)}' cannot run: {refusal.Message}", refusal);
        }
    }

    public void Dispose()
    {
        while (_idle.TryTake(out var idle))
            idle.Dispose();
    }

    /// <summary>Keeps the shell where it can run another command.</summary>
    async Task<Output?> RunInAsync(ContainerShell shell, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        Output? output = null;
        try
        {
            return output = await shell.RunAsync(command, cancellation);
        }
        finally
        {
            if (output is null)
                shell.Dispose();
            else
                _idle.Add(shell);
        }
    }
}
