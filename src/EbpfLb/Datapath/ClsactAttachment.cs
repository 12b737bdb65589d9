using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Datapath;

/// <summary>
/// The tc program as a filter of the clsact qdisc, for kernels before 6.6. Its handle and priority identify it, so
/// that another process finds it.
/// </summary>
sealed unsafe class ClsactAttachment : IAttachment
{
    const int Ingress = 1; // BPF_TC_INGRESS
    const uint ReplaceFlag = 1; // BPF_TC_F_REPLACE
    const uint Handle = 0xebf;
    const uint Priority = 0xeb;

    readonly int _ifindex;
    readonly uint _handle;

    ClsactAttachment(int ifindex, uint handle) => (_ifindex, _handle) = (ifindex, handle);

    /// <summary>Adds the filter, or atomically replaces its program.</summary>
    public static ClsactAttachment Attach(Fd program, NetworkDevice device, uint handle = Handle)
    {
        var hook = CreateHook(device.Index);
        var created = LibBpf.bpf_tc_hook_create(&hook);
        if (created != -Errno.EEXIST)
            Check.NegativeErrno(created, $"creating the clsact qdisc on {device.Name}");
        var attachment = new ClsactAttachment(device.Index, handle);
        attachment.Replace(program);
        return attachment;
    }

    /// <summary>The filter of an earlier process on the interface, if any.</summary>
    public static ClsactAttachment? Find(int ifindex, uint handle = Handle)
    {
        var hook = CreateHook(ifindex);
        var options = CreateOptions(handle);
        var result = LibBpf.bpf_tc_query(&hook, &options);
        if (result is -Errno.ENOENT or -Errno.EINVAL or -Errno.ENODEV)
            return null;
        Check.NegativeErrno(result, $"looking for a tc filter on interface {ifindex}");
        return new(ifindex, handle);
    }

    public void Replace(Fd program)
    {
        var hook = CreateHook(_ifindex);
        var options = CreateOptions(_handle);
        options.prog_fd = program.Number;
        options.flags = ReplaceFlag;
        Check.NegativeErrno(LibBpf.bpf_tc_attach(&hook, &options), $"attaching a tc filter to interface {_ifindex}");
    }

    public void Detach()
    {
        // The qdisc stays: it may hold other filters, and an empty one costs nothing.
        var hook = CreateHook(_ifindex);
        var options = CreateOptions(_handle);
        var result = LibBpf.bpf_tc_detach(&hook, &options);
        if (result is not (-Errno.ENOENT or -Errno.EINVAL or -Errno.ENODEV)) // already removed, alone or with its qdisc or interface
            Check.NegativeErrno(result, $"removing the tc filter of interface {_ifindex}");
    }

    public void Dispose()
    {
    }

    static bpf_tc_hook CreateHook(int ifindex) =>
        new() { sz = (nuint)sizeof(bpf_tc_hook), ifindex = ifindex, attach_point = Ingress };

    static bpf_tc_opts CreateOptions(uint handle) =>
        new() { sz = (nuint)sizeof(bpf_tc_opts), handle = handle, priority = Priority };
}
