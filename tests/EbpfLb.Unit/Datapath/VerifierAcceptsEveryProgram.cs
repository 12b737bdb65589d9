using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Datapath;

/// <summary>The kernel's verifier takes each program as each hook loads it.</summary>
public sealed class VerifierAcceptsEveryProgram
{
    [Theory]
    [InlineData(nameof(HookKind.Tc), "lb_tc"), InlineData(nameof(HookKind.Tc), "lb_tc_compat")]
    [InlineData(nameof(HookKind.XdpGeneric), null), InlineData(nameof(HookKind.XdpNative), null)]
    public void By_the_verifier(string hook, string? tcObject)
    {
        Capabilities.RequireDatapath();
        var which = new[] { KernelNeed.Tc, KernelNeed.TcCompat }.FirstOrDefault(known => known.Object == tcObject);
        if (which == KernelNeed.Tc)
            Capabilities.RequireTold();

        using var loaded = LoadedDatapaths.Load(Enum.Parse<HookKind>(hook), Balancer.Defaults, which);

        Assert.Null(loaded.TcRefusal);
    }
}
