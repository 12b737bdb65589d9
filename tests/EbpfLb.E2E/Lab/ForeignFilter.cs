using EbpfLb.E2E.Lab.Roles;

namespace EbpfLb.E2E.Lab;

/// <summary>A tc program of somebody else's on the host's first interface, which drops pings, until it is disposed.</summary>
public sealed class ForeignFilter : IAsyncDisposable
{
    readonly Technician _technician;

    ForeignFilter(Technician technician) => _technician = technician;

    internal static async Task<ForeignFilter> PlaceAsync(Technician technician)
    {
        await technician.DeafenAsync(BalancerHost.Interface);
        return new ForeignFilter(technician);
    }

    public async ValueTask DisposeAsync()
    {
        await _technician.HearAsync(BalancerHost.Interface);
        await _technician.DisposeAsync();
    }
}
