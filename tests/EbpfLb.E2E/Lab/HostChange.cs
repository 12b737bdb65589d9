using EbpfLb.E2E.Lab.Roles;

namespace EbpfLb.E2E.Lab;

/// <summary>A program of somebody else's on the host's first interface, until it is disposed.</summary>
public sealed class ForeignProgram : IAsyncDisposable
{
    readonly Technician _technician;
    readonly Func<Technician, Task> _detach;

    ForeignProgram(Technician technician, Func<Technician, Task> detach) => (_technician, _detach) = (technician, detach);

    /// <param name="technician">Who attaches it, and detaches it again; disposed of with it.</param>
    /// <param name="attach">Attaches it.</param>
    /// <param name="detach">Detaches it.</param>
    internal static async Task<ForeignProgram> AttachAsync(
        Technician technician, Func<Technician, Task> attach, Func<Technician, Task> detach)
    {
        await attach(technician);
        return new(technician, detach);
    }

    public async ValueTask DisposeAsync()
    {
        await _detach(_technician);
        await _technician.DisposeAsync();
    }
}
