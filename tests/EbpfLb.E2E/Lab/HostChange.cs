using EbpfLb.E2E.Lab.Roles;

namespace EbpfLb.E2E.Lab;

/// <summary>What somebody else did to the host's first interface, until it is disposed.</summary>
public sealed class HostChange : IAsyncDisposable
{
    readonly Technician _technician;
    readonly Func<Technician, Task> _undo;

    HostChange(Technician technician, Func<Technician, Task> undo) => (_technician, _undo) = (technician, undo);

    /// <param name="technician">Who does it, and undoes it again; disposed of with it.</param>
    /// <param name="do">Does it.</param>
    /// <param name="undo">Undoes it.</param>
    internal static async Task<HostChange> MakeAsync(
        Technician technician, Func<Technician, Task> @do, Func<Technician, Task> undo)
    {
        try
        {
            await @do(technician);
        }
        catch
        {
            await technician.DisposeAsync();
            throw;
        }
        return new(technician, undo);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _undo(_technician);
        }
        finally
        {
            await _technician.DisposeAsync();
        }
    }
}
