using EbpfLb.E2E.Lab.Roles;

namespace EbpfLb.E2E.Lab;

/// <summary>The XDP hook of the host's first interface, which a program of somebody else's has, until it is disposed.</summary>
public sealed class OccupiedHook : IAsyncDisposable
{
    readonly Technician _technician;

    OccupiedHook(Technician technician) => _technician = technician;

    internal static async Task<OccupiedHook> TakeAsync(Technician technician)
    {
        await technician.OccupyAsync(BalancerHost.Interface);
        return new OccupiedHook(technician);
    }

    public async ValueTask DisposeAsync()
    {
        await _technician.FreeAsync(BalancerHost.Interface);
        await _technician.DisposeAsync();
    }
}
