using EbpfLb.Configuration;
using EbpfLb.Instances;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Hooks;

/// <summary>Puts a datapath on an interface's hooks, in the place of the one that an ended process left there.</summary>
static class Attacher
{
    const uint XdpGenericMode = 1 << 1; // XDP_FLAGS_SKB_MODE
    const uint XdpNativeMode = 1 << 2; // XDP_FLAGS_DRV_MODE

    /// <summary>
    /// Whatever is attached already has its program replaced, so that no packet meets none. The tc program comes first:
    /// it carries all by itself while XDP goes from one mode to another.
    /// </summary>
    /// <returns>What is attached now, in the order in which to detach it.</returns>
    /// <exception cref="NativeException">It did not work; what was attached until then stays.</exception>
    public static IReadOnlyList<IAttachment> Attach(Datapath datapath, HookKind hook, NetworkDevice device, LinkPins pins)
    {
        var attached = new List<IAttachment> { AttachTc(datapath.Tc, device, pins) };
        foreach (var other in new[] { HookKind.XdpGeneric, HookKind.XdpNative }.Where(other => other != hook))
            pins.Remove(other); // a link's mode is for life
        if (datapath.Xdp is { } program)
            attached.Insert(0, AttachXdp(program, hook, device, pins));
        return attached;
    }

    /// <summary>Did the interface or its driver refuse this hook, rather than the kernel this process?</summary>
    public static bool IsRefusal(NativeException fault) => fault.Number is not (Errno.EPERM or Errno.EACCES);

    static IAttachment AttachTc(Fd program, NetworkDevice device, LinkPins pins)
    {
        if (pins.TryReplace(HookKind.Tc, program, device.Index) is { } held)
            return held;
        return LinkAttachment.TryTcx(program, device) is { } link
            ? pins.Pin(HookKind.Tc, link)
            : ClsactAttachment.Attach(program, device);
    }

    static LinkAttachment AttachXdp(Fd program, HookKind hook, NetworkDevice device, LinkPins pins)
    {
        var mode = hook == HookKind.XdpNative ? XdpNativeMode : XdpGenericMode;
        return pins.TryReplace(hook, program, device.Index) ?? pins.Pin(hook, LinkAttachment.Xdp(program, device, mode));
    }
}
