using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab;

/// <summary>What somebody else did to the host's first interface, until it is disposed.</summary>
public sealed class HostChange : IAsyncDisposable
{
    readonly NetnsSidecar _sidecar;
    readonly Func<NetnsSidecar, Task> _undo;

    HostChange(NetnsSidecar sidecar, Func<NetnsSidecar, Task> undo) => (_sidecar, _undo) = (sidecar, undo);

    /// <param name="sidecar">Who does it, and undoes it again; disposed of with it.</param>
    /// <param name="do">Does it.</param>
    /// <param name="undo">Undoes it.</param>
    internal static async Task<HostChange> MakeAsync(
        NetnsSidecar sidecar, Func<NetnsSidecar, Task> @do, Func<NetnsSidecar, Task> undo)
    {
        try
        {
            await @do(sidecar);
        }
        catch
        {
            await sidecar.DisposeAsync();
            throw;
        }
        return new(sidecar, undo);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _undo(_sidecar);
        }
        finally
        {
            await _sidecar.DisposeAsync();
        }
    }
}
