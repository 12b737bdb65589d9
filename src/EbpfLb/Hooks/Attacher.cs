using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Hooks;

/// <summary>Puts a datapath on an interface's hooks.</summary>
static class Attacher
{
    const uint XdpGenericMode = 1 << 1; // XDP_FLAGS_SKB_MODE
    const uint XdpNativeMode = 1 << 2; // XDP_FLAGS_DRV_MODE

    /// <summary>What was attached, by the names of its pins, in the order in which to detach it.</summary>
    public static IReadOnlyList<(string Name, IAttachment Attachment)> Attach(
        Datapath datapath, HookKind hook, NetworkDevice device)
    {
        IAttachment tc = LinkAttachment.TryTcx(datapath.Tc, device) as IAttachment
            ?? ClsactAttachment.Attach(datapath.Tc, device);
        if (datapath.Xdp is null)
            return [("link_tc", tc)];
        try
        {
            var mode = hook == HookKind.XdpNative ? XdpNativeMode : XdpGenericMode;
            return [("link_xdp", LinkAttachment.Xdp(datapath.Xdp, device, mode)), ("link_tc", tc)];
        }
        catch
        {
            tc.Detach();
            tc.Dispose();
            throw;
        }
    }

    /// <summary>Did the interface or its driver refuse this hook, rather than the kernel this process?</summary>
    public static bool IsRefusal(NativeException fault) => fault.Number is not (Errno.EPERM or Errno.EACCES);
}
