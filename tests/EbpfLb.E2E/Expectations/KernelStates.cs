using EbpfLb.Lab;
using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Telemetry;

namespace EbpfLb.E2E.Expectations;

/// <summary>What must become of what balancers had in the kernel.</summary>
static class KernelStates
{
    static readonly TimeSpan LongestFreeing = TimeSpan.FromSeconds(20);

    /// <summary>Requires that all of it has been there, and that none of it is left.</summary>
    public static async Task AssertIsGoneAsync(this KernelState former, BalancerHost host)
    {
        Assert.Contains(former.Objects, one => one.Kind == KernelObject.Map);
        Assert.Contains(former.Objects, one => one.Kind == KernelObject.Program);
        var remaining = await KernelState.ReadAsync(host);
        Assert.True(remaining.IsEmpty, $"Of {former} this is left: {remaining}");
        await Eventually.That("the kernel has freed all of it", () => KernelObject.StillThereAsync(host, former.Objects),
            left => left.Count == 0, LongestFreeing, left => string.Join(' ', left));
    }
}
