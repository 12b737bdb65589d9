using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Datapath;

/// <summary>
/// Attaches a datapath to the hooks of one interface and replaces the programs of an ended process. <see
/// cref="Prepare"/> does what the kernel may refuse, and can be rolled back; <see cref="Commit"/> replaces.
/// </summary>
/// <param name="hook">The hook; tc is always attached as well.</param>
/// <param name="load">Loads the programs for another hook on the same tables.</param>
sealed class AttachTransaction(
    LoadedDatapath datapath, HookKind hook, NetworkDevice device, LinkPins pins, Func<HookKind, LoadedDatapath> load)
{
    public int Ifindex => device.Index;

    readonly List<(HookKind Hook, IAttachment Attachment, Fd Program, bool IsNew)> _acquired = [];
    HookKind? _removedMode;

    /// <summary>XDP modes of an ended process that this datapath does not use.</summary>
    IEnumerable<HookKind> OtherModes => LinkPins.XdpModes.Where(mode => mode != hook);

    /// <summary>
    /// True if the verifier, the interface or its driver refused the hook; false if the process lacks a privilege. EACCES
    /// is the verifier's verdict from a load, and a privilege elsewhere.
    /// </summary>
    public static bool IsRefusal(NativeException error) =>
        error.Number != Errno.EPERM && (error.Number != Errno.EACCES || error is LoadException);

    /// <summary>Attaches to the free hooks, tc first: it carries all traffic while XDP changes its mode.</summary>
    /// <exception cref="NativeException">The kernel refused a hook; roll back.</exception>
    public void Prepare()
    {
        Acquire(HookKind.Tc, datapath.Tc, () => LinkAttachment.TryTcx(datapath.Tc, device));
        if (datapath.Xdp is not { } program)
            return;
        RemoveOtherModes();
        Acquire(hook, program, () => AttachXdp(program, hook));
    }

    /// <summary>Replaces the predecessor's programs, so that no packet meets none, and removes other hooks.</summary>
    /// <returns>The attachments, in the order in which to detach them.</returns>
    public IEnumerable<IAttachment> Commit()
    {
        foreach (var held in _acquired.Where(taken => !taken.IsNew))
            held.Attachment.Replace(held.Program);
        foreach (var other in OtherModes)
            pins.Remove(other);
        return _acquired.Select(taken => taken.Attachment).Reverse();
    }

    /// <summary>The steps that undo <see cref="Prepare"/>. Run each, even if one before failed.</summary>
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

    /// <summary>Restores the XDP mode that was removed, with this build's program on the same tables.</summary>
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

    /// <summary>A link keeps its mode, and an interface has one XDP mode at a time.</summary>
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

    LinkAttachment AttachXdp(Fd program, HookKind mode) => LinkAttachment.Xdp(program, device, mode == HookKind.XdpNative);
}
