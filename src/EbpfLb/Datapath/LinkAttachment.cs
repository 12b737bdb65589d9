using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Datapath;

/// <summary>A program attached by a kernel link.</summary>
sealed unsafe class LinkAttachment : IAttachment
{
    const uint AttachXdp = 37; // BPF_XDP
    const uint AttachTcxIngress = 46; // BPF_TCX_INGRESS, kernel 6.6

    const uint Before = 1 << 3; // BPF_F_BEFORE: without a program that it refers to, in front of all

    readonly Fd _link;

    LinkAttachment(Fd link) => _link = link;

    /// <summary>Attaches in front of the tcx programs that are there (decision 0027). Null on kernels without tcx.</summary>
    public static LinkAttachment? TryTcx(Fd program, NetworkDevice device)
    {
        var result = Create(program, device.Index, AttachTcxIngress, Before);
        return result == -Errno.EINVAL ? null : new(CreateFd(result, $"attaching to the tc hook of {device.Name}"));
    }

    /// <param name="isNative">False for generic XDP, which needs nothing of the driver.</param>
    /// <exception cref="NoNativeXdpException">The driver has no native XDP.</exception>
    public static LinkAttachment Xdp(Fd program, NetworkDevice device, bool isNative)
    {
        const uint Generic = 1 << 1, Native = 1 << 2; // XDP_FLAGS_SKB_MODE and XDP_FLAGS_DRV_MODE, linux/if_link.h
        var result = Create(program, device.Index, AttachXdp, isNative ? Native : Generic);
        return result == -Errno.EOPNOTSUPP && isNative
            ? throw new NoNativeXdpException(device.Name)
            : new(CreateFd(result, $"attaching to the XDP hook of {device.Name}"));
    }

    /// <param name="type">As <see cref="CgroupHook.Type"/>.</param>
    /// <param name="path">Names the cgroup in errors.</param>
    public static LinkAttachment Cgroup(Fd program, Fd directory, uint type, string path) =>
        new(CreateFd(Create(program, directory.Number, type, 0), $"attaching to cgroup {path}"));

    public static LinkAttachment OpenPin(string path) => new(Fd.OpenPin(path));

    /// <inheritdoc cref="Fd.TryOpenPin"/>
    public static LinkAttachment? TryOpenPin(string path) => Fd.TryOpenPin(path) is { } link ? new(link) : null;

    /// <summary>Detaches and unpins the link that is pinned there, if there is one.</summary>
    public static void Unpin(string path)
    {
        using var link = TryOpenPin(path);
        if (link is null)
            return;
        link.Detach();
        File.Delete(path);
    }

    /// <summary>The attached interface; 0 if it is gone or the link was detached.</summary>
    public int Ifindex => (int)Read().ifindex;

    /// <summary>The attached cgroup's id; 0 if it is gone or the link was detached.</summary>
    public ulong CgroupId => Read().cgroup_id;

    public void Replace(Fd program) => Check.NegativeErrno(
        LibBpf.bpf_link_update(_link.Number, program.Number, null), "replacing an attached program");

    /// <summary>Pins the link; detaches the one that it replaces there.</summary>
    public void Pin(string path)
    {
        Unpin(path);
        _link.Pin(path);
    }

    public void Detach() => Check.NegativeErrno(LibBpf.bpf_link_detach(_link.Number), "detaching a program");

    public void Dispose() => _link.Dispose();

    bpf_link_info Read()
    {
        var info = default(bpf_link_info);
        var length = (uint)sizeof(bpf_link_info);
        Check.NegativeErrno(LibBpf.bpf_obj_get_info_by_fd(_link.Number, &info, &length), "reading where a link is attached");
        return info;
    }

    /// <param name="target">An interface's index, or a cgroup's descriptor.</param>
    static int Create(Fd program, int target, uint type, uint flags)
    {
        var options = new bpf_link_create_opts { sz = (nuint)sizeof(bpf_link_create_opts), flags = flags };
        return LibBpf.bpf_link_create(program.Number, target, type, &options);
    }

    static Fd CreateFd(int result, string operation) => new(Check.NegativeErrno(result, operation));
}
