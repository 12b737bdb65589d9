using System.Reflection;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Native;

/// <summary>Programs that are wrong on purpose, in front of this kernel's own verifier.</summary>
public sealed class RefusedProgramsAreExplained
{
    static readonly Version LogHasFileAndLine = new(6, 9);

    [Fact]
    public void The_error_names_the_broken_rule_and_the_line_of_C()
    {
        var failure = Refused("unchecked");

        var refusal = Assert.IsType<VerifierRefusal>(failure.Refusal);
        Assert.Equal("refused", refusal.Program);
        Assert.StartsWith("invalid access to packet, off=13 size=1, R1(id=0,off=13,r=0)", refusal.Rule, StringComparison.Ordinal);
        Assert.Equal("if (data[13] == 6)", refusal.Source);
        Assert.Equal(KernelNeed.Running < LogHasFileAndLine ? null : "unchecked.bpf.c:11", refusal.Location);
        Assert.Equal($"loading the eBPF object unchecked failed: EACCES: {refusal}.", failure.Message);
        Assert.Equal(Errno.EACCES, failure.Number);
    }

    [Fact]
    public void The_error_names_the_kernel_that_the_object_needs()
    {
        var failure = KernelNeed.Xdp.Explain(Refused("unchecked"), new Version(5, 10));

        Assert.StartsWith("loading the eBPF object unchecked failed: EACCES: the verifier refuses \"invalid access to packet",
            failure.Message, StringComparison.Ordinal);
        Assert.Contains("\" at \"if (data[13] == 6)\"", failure.Message, StringComparison.Ordinal);
        Assert.Matches(@": this kernel is 5\.10, and lb_xdp needs 5\.1[58] or later for .* \(docs/troubleshooting\.md\)\.$", failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void The_log_is_whole_from_the_first_instruction_to_the_verdict()
    {
        var log = Refused("unchecked").Log;

        Assert.Matches(@"(?s)\n0: \(61\) r1 = .*\n1: \(71\) r1 = .*\nR1 offset is outside of the packet\nprocessed 2 insns ", log);
    }

    [Fact]
    public void A_log_larger_than_libbpfs_first_buffer_keeps_both_ends()
    {
        const int firstBuffer = 16 * 1024 * 1024;

        var failure = Refused("long_way");

        Assert.InRange(failure.Log!.Length, firstBuffer, int.MaxValue);
        Assert.Matches(@"^(libbpf: .*\n)+0: ", failure.Log[..300]);
        Assert.Contains("\nprocessed ", failure.Log[^1000..], StringComparison.Ordinal);
        Assert.StartsWith("invalid access to packet, off=13 size=1", failure.Refusal!.Rule, StringComparison.Ordinal);
        Assert.Equal("return data[13] == 6 ? XDP_DROP : XDP_PASS;", failure.Refusal.Source);
    }

    static LoadException Refused(string name)
    {
        Capabilities.RequireDatapath();
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{name}.bpf.o")!;
        var image = new byte[stream.Length];
        stream.ReadExactly(image);
        using var opened = BpfObject.Open(name, image);
        return Assert.Throws<LoadException>(opened.Load);
    }
}
