using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Native;

namespace EbpfLb.Doctor;

/// <summary>Checks the kernel's version, and says which one each hook needs.</summary>
static class KernelChecks
{
    static readonly Version TcxKernel = new(6, 6);

    /// <summary>A version below the minimum is missing only if no program loads: distributions carry later parts back.</summary>
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
                "mend what else is missing, and run doctor again");
    }

    /// <summary>
    /// Every object has global functions that take the context, whose type the verifier finds in the kernel's BTF. The file
    /// may be hidden from a container, so it is missing only if the programs do not load either.
    /// </summary>
    /// <param name="couldLoad">False if loading failed for another reason, such as privileges.</param>
    public static CheckResult Btf(HostFacts facts, bool couldLoad)
    {
        const string Absent = $"{KernelTypes.Path} is missing", Boot = "boot a kernel built with CONFIG_DEBUG_INFO_BTF";
        if (facts.HasBtf)
            return new("BTF", Verdict.Ok, "the kernel describes its types");
        if (facts.TcFailure is null)
            return new("BTF", Verdict.Warn, $"{Absent}: the programs load, but tc uses more time per packet",
                $"let this process read {KernelTypes.Path}");
        return couldLoad
            ? new("BTF", Verdict.Missing, $"{Absent}, and the verifier needs it", Boot)
            : new("BTF", Verdict.Warn, $"{Absent}, and the verifier needs it", $"mend what else is missing, and run doctor again; then {Boot}");
    }

    /// <summary>Which kernel a hook needs and which one this is, in brackets.</summary>
    public static string Needs(HookKind hook, Version kernel) => hook == HookKind.Tc
        ? $"(needs kernel {KernelNeed.TcCompat.Oldest}, takes less time from {KernelNeed.Tc.Oldest}; this is {kernel})"
        : $"(needs kernel {KernelNeed.Xdp.Oldest}; this is {kernel})";
}
