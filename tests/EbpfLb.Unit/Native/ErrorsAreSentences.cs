using EbpfLb.Abi;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Native;

/// <summary>A failure below says which operation on what object failed, why, and what to do about it.</summary>
public sealed class ErrorsAreSentences
{
    [Fact]
    public void They_name_operation_error_and_text()
    {
        var failure = new NativeException("pinning /sys/fs/bpf/x", Errno.EEXIST);

        Assert.Equal("pinning /sys/fs/bpf/x failed: EEXIST, File exists.", failure.Message);
        Assert.Equal(Errno.EEXIST, failure.Number);
    }

    [Fact]
    public void A_missing_privilege_comes_with_its_remedy()
    {
        var message = new NativeException("loading the eBPF object lb_tc", Errno.EPERM).Explain();

        Assert.StartsWith("loading the eBPF object lb_tc failed: EPERM, Operation not permitted. ", message);
        Assert.Contains("CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON", message);
        Assert.EndsWith("`ebpf-lb doctor` shows what is missing.", message);
    }

    [Fact]
    public void A_driver_without_native_XDP_comes_with_its_remedy() => Assert.Equal(
        "attaching to the XDP hook of br0 failed: EOPNOTSUPP, Operation not supported. Its driver has no native XDP. Use --hook tc.",
        new NoNativeXdpException("br0").Explain());

    [Fact]
    public void The_kernels_message_is_quoted()
    {
        var failure = new NativeException("loading the eBPF object lb_tc", Errno.EINVAL, "R1 invalid mem access");

        Assert.Equal(
            "loading the eBPF object lb_tc failed: EINVAL, Invalid argument. The kernel says: R1 invalid mem access",
            failure.Message);
    }

    [Fact]
    public void An_error_that_only_the_kernel_knows_has_its_number()
    {
        const int notSupported = 524; // ENOTSUPP of linux/errno.h, which user space has no name for

        Assert.Equal("errno 524, Unknown error 524", Errno.Describe(notSupported));
    }

    [Fact]
    public void Libbpfs_log_is_summed_up_by_its_last_line_that_gives_a_reason()
    {
        const string log = """
            libbpf: Error in bpf_create_map_xattr(flows): Argument list too long(-7). Retrying without BTF.
            libbpf: map 'flows': failed to create: Argument list too long(-7)
            libbpf: failed to load object 'lb_tc'

            """;

        Assert.Equal("libbpf: map 'flows': failed to create: Argument list too long(-7)", BpfLog.Summary(log));
        Assert.Null(BpfLog.Summary(""));
    }

    [Fact]
    public void Bytes_that_are_no_object_are_refused_by_name()
    {
        var failure = Assert.Throws<NativeException>(() => BpfObject.Open("lb_none", "no ELF file"u8));

        Assert.StartsWith("opening the eBPF object lb_none failed: ", failure.Message);
    }

    [Fact]
    public void A_pin_that_is_not_there_is_named()
    {
        const string path = "/proc/none-such/flows";

        var failure = Assert.Throws<PinException>(() => Fd.OpenPin(path));

        Assert.Equal($"opening the pin {path} failed: ENOENT, No such file or directory.", failure.Message);
    }

    [Fact]
    public void A_map_that_the_kernel_will_not_make_is_named()
    {
        Capabilities.RequireDatapath();

        var failure = Assert.Throws<LoadException>(
            () => LoadedDatapath.Load(Hook.Tc.Kind(), Balancer.Defaults, new(uint.MaxValue / 2)));

        Assert.StartsWith($"loading the eBPF object {KernelNeed.BestTc.Object} failed: ", failure.Message);
        Assert.Matches("map '(flows|half_open)': failed to create", failure.Message);
    }

    [Fact]
    public void A_map_of_another_layout_is_refused_with_both_sizes()
    {
        using var lb = Balancer.On(Hook.Tc);

        var failure = Assert.Throws<BpfMapSizeException>(
            () => new BpfMap<LbTuple, LbTraffic>(lb.Tables.Backends.Fd, "backends"));

        Assert.Equal(
            "map backends has keys of 4 and values of 40 bytes, this build expects 40 and 40. "
            + "Another version of ebpf-lb made it: detach it first with that version.",
            failure.Explain());
    }

    [Fact]
    public void A_per_cpu_value_is_not_read_as_a_single_one()
    {
        using var lb = Balancer.On(Hook.Tc);

        Assert.Throws<InvalidOperationException>(() => lb.Tables.Reasons.TryGet(0, out _));
        Assert.Throws<InvalidOperationException>(() => lb.Tables.Reasons.Set(0, 1));
    }
}
