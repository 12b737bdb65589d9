using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Datapath;

/// <summary>
/// One interface's hooks going over to a datapath, from the programs that an ended process left there, if any. What may be
/// refused comes first and can be undone: who cannot have all of the hooks leaves them as they were.
/// </summary>
/// <param name="datapath">What is to be attached.</param>
/// <param name="hook">Where to; tc always is one of them.</param>
/// <param name="device">The interface.</param>
/// <param name="pins">Its links.</param>
/// <param name="load">Loads on the same tables what belongs to another hook.</param>
sealed class AttachTransaction(
    LoadedDatapath datapath, HookKind hook, NetworkDevice device, LinkPins pins, Func<HookKind, LoadedDatapath> load)
{
    readonly List<(HookKind Hook, IAttachment Attachment, Fd Program, bool IsNew)> _acquired = [];
    HookKind? _removedMode;

    /// <summary>The modes of XDP in which an ended process may have stood, and this datapath is not to.</summary>
    IEnumerable<HookKind> OtherModes => LinkPins.XdpModes.Where(mode => mode != hook);

    /// <summary>Did the interface or its driver refuse this hook, rather than the kernel this process?</summary>
    public static bool IsRefusedByDevice(NativeException error) => error.Number is not (Errno.EPERM or Errno.EACCES);

    /// <summary>
    /// Attaches to the hooks that are free. The tc program comes first: one carries all by itself while XDP goes from one
    /// mode to another.
    /// </summary>
    /// <exception cref="NativeException">It was refused; what was done until then is to be undone.</exception>
    public void Prepare()
    {
        Acquire(HookKind.Tc, datapath.Tc, () => LinkAttachment.TryTcx(datapath.Tc, device));
        if (datapath.Xdp is not { } program)
            return;
        RemoveOtherModes();
        Acquire(hook, program, () => AttachXdp(program, hook));
    }

    /// <summary>
    /// Has each program take its predecessor's place in what was attached already, so that no packet meets none, and
    /// removes what belongs to another hook.
    /// </summary>
    /// <returns>What is attached now, in the order in which to detach it.</returns>
    public IEnumerable<IAttachment> Commit()
    {
        foreach (var held in _acquired.Where(taken => !taken.IsNew))
            held.Attachment.Replace(held.Program);
        foreach (var other in OtherModes)
            pins.Remove(other);
        return _acquired.Select(taken => taken.Attachment).Reverse();
    }

    /// <summary>
    /// What puts the hooks back as they were before <see cref="Prepare"/>, however far that came, one after the other: each
    /// is to be done whatever became of those before.
    /// </summary>
    public IEnumerable<Action> RollbackSteps() =>
    [
        .. Enumerable.Reverse(_acquired).Select(taken => new Action(() => Detach(taken.Hook, taken.Attachment, taken.IsNew))),
        RestoreXdp,
    ];

    void Detach(HookKind at, IAttachment attachment, bool isNew)
    {
        using (attachment)
        {
            if (!isNew)
                return;
            attachment.Detach();
            pins.Remove(at);
        }
    }

    /// <summary>Puts XDP back into the mode that made way, with a program of this build's on the same tables.</summary>
    void RestoreXdp()
    {
        if (_removedMode is not { } mode)
            return;
        using var former = load(mode);
        using var link = AttachXdp(former.Xdp!, mode);
        pins.Pin(mode, link);
    }

    void Acquire(HookKind at, Fd program, Func<LinkAttachment?> attach)
    {
        IAttachment? held = pins.TryOpen(at, device.Index);
        if (held is null && attach() is { } link)
        {
            _acquired.Add((at, link, program, IsNew: true));
            pins.Pin(at, link);
        }
        else if ((held ?? ClsactAttachment.Find(device.Index)) is { } attachment)
            _acquired.Add((at, attachment, program, IsNew: false));
        else
            _acquired.Add((at, ClsactAttachment.Attach(program, device), program, IsNew: true));
    }

    /// <summary>A link's mode is for life, and an interface has one mode at a time.</summary>
    void RemoveOtherModes()
    {
        foreach (var other in OtherModes)
        {
            using var held = pins.TryOpen(other, device.Index);
            if (held is null)
                continue;
            pins.Remove(other);
            _removedMode = other;
        }
    }

    LinkAttachment AttachXdp(Fd program, HookKind mode)
    {
        const uint Generic = 1 << 1, Native = 1 << 2; // XDP_FLAGS_SKB_MODE and XDP_FLAGS_DRV_MODE, linux/if_link.h
        return LinkAttachment.Xdp(program, device, mode == HookKind.XdpNative ? Native : Generic);
    }
}
