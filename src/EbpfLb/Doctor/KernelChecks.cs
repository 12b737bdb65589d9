using EbpfLb.Configuration;
using EbpfLb.Datapath;

namespace EbpfLb.Doctor;

/// <summary>Checks the kernel's version, and says which one each hook needs.</summary>
static class KernelChecks
{
    static readonly Version TcxKernel = new(6, 6);

    /// <summary>
    /// A version below the minimum is missing only if the programs do not load either: distributions carry later parts back.
    /// </summary>
    /// <param name="facts">What this machine is like.</param>
    /// <param name="couldLoad">False if loading failed for another reason, such as privileges.</param>
    public static CheckResult Version(HostFacts facts, bool couldLoad)
    {
        var (kernel, need) = (facts.Kernel, KernelNeed.TcCompat);
        if (need.IsMetBy(kernel))
            return new("kernel", Verdict.Ok, kernel < TcxKernel
                ? $"{kernel}, with clsact filters (tcx links need {TcxKernel})"
                : $"{kernel}, with tcx links");
        if (facts.TcFailure is null)
            return new("kernel", Verdict.Ok, $"{kernel}, where the programs load, although it is older than {need.Oldest}");
        return couldLoad
            ? new("kernel", Verdict.Missing, $"{kernel} is too old", $"boot {need.Oldest} or later")
            : new("kernel", Verdict.Warn, $"{kernel} may be too old: {need.Oldest} or later has all that the programs need",
                "see what is missing besides, and ask again");
    }

    /// <summary>Which kernel a hook needs and which one this is, in brackets.</summary>
    public static string Needs(HookKind hook, Version kernel) => hook == HookKind.Tc
        ? $"(needs kernel {KernelNeed.TcCompat.Oldest}, takes less time from {KernelNeed.Tc.Oldest} with BTF on; this is {kernel})"
        : $"(needs kernel {KernelNeed.Xdp.Oldest}; this is {kernel})";
}
