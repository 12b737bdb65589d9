using EbpfLb.Datapath;
using EbpfLb.Native;

namespace EbpfLb.Unit.Tables;

/// <summary>A failed load on a kernel below the minimum is one sentence that names both versions.</summary>
public sealed class ObjectsNeedAKernel
{
    const string Refusal = """
        libbpf: prog 'lb_tc': -- BEGIN PROG LOAD LOG --
        ; flow = bpf_map_lookup_elem(&flows, key);
        7: (85) call bpf_map_lookup_elem#1
        R2 type=mem expected=fp
        processed 8 insns (limit 1000000)
        -- END PROG LOAD LOG --

        """;

    static readonly KernelNeed Need = new("lb_some", new(5, 15), "atomics");

    [Fact]
    public void A_refusal_below_the_minimum_is_the_kernels_age()
    {
        var failure = Need.Explain(new("lb_some", Errno.EACCES, Refusal), new Version(5, 10));

        Assert.Equal(
            "loading the eBPF object lb_some failed: EACCES: the verifier refuses \"R2 type=mem expected=fp\" at "
            + "\"flow = bpf_map_lookup_elem(&flows, key);\": this kernel is 5.10, and lb_some needs 5.15 or later for atomics "
            + "(docs/troubleshooting.md).",
            failure.Message);
        Assert.Equal((Errno.EACCES, Refusal), (failure.Number, failure.Log));
    }

    [Theory]
    [InlineData("5.15")]
    [InlineData("6.18")]
    public void A_refusal_from_the_minimum_on_is_to_be_reported(string kernel)
    {
        var failure = Need.Explain(new("lb_some", Errno.EACCES, Refusal), Version.Parse(kernel));

        Assert.EndsWith(
            $"key);\": this kernel is {kernel}, and lb_some is made for 5.15 and later: report what --verbose prints "
            + "(docs/troubleshooting.md).",
            failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Errno.EINVAL, true)]
    [InlineData(Errno.ENOTSUPP, true)]
    [InlineData(Errno.EOPNOTSUPP, true)]
    [InlineData(Errno.EPERM, false)]
    [InlineData(Errno.E2BIG, false)]
    public void A_map_that_an_old_kernel_does_not_know_is_its_age_too(int errno, bool isAge)
    {
        var failure = Need.Explain(new("lb_some", errno, "libbpf: map 'events': failed to create: no(-1)\n"), new Version(5, 4));

        Assert.Equal(isAge, failure.Message.Contains("this kernel is 5.4", StringComparison.Ordinal));
        Assert.Contains("libbpf: map 'events': failed to create", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_for_missing_privileges_keeps_its_remedy()
    {
        var failure = Need.Explain(new("lb_some", Errno.EPERM, Refusal), new Version(6, 1));

        Assert.Contains("CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON", failure.Explain(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(System.Runtime.InteropServices.Architecture.X64, "5.15")]
    [InlineData(System.Runtime.InteropServices.Architecture.Arm64, "5.18")]
    public void The_oldest_supported_kernel_depends_on_the_machine(System.Runtime.InteropServices.Architecture machine, string oldest) =>
        Assert.Equal(Version.Parse(oldest), KernelNeed.OldestOn(machine));

    [Fact]
    public void The_running_kernels_version_is_the_releases() => Assert.StartsWith(
        $"{KernelNeed.Running}", File.ReadAllText("/proc/sys/kernel/osrelease"), StringComparison.Ordinal);
}
