using EbpfLb.Configuration;

namespace EbpfLb.Datapath;

/// <summary>The pinned links of an instance to one interface: tc, and the modes of XDP.</summary>
sealed class LinkPins(string instance, string device)
{
    /// <summary>The prefix of their names.</summary>
    public const string Prefix = "link_";

    public static readonly IReadOnlyList<HookKind> XdpModes = [HookKind.XdpNative, HookKind.XdpGeneric];

    static readonly HookKind[] All = [.. XdpModes, HookKind.Tc];

    /// <summary>
    /// The pinned link to this interface, or null. A pinned link may belong to an interface that is gone or renamed.
    /// </summary>
    public LinkAttachment? TryOpen(HookKind hook, int ifindex)
    {
        if (!File.Exists(PathOf(hook)))
            return null;
        var link = LinkAttachment.OpenPin(PathOf(hook));
        if (link.Ifindex == ifindex)
            return link;
        link.Dispose();
        return null;
    }

    /// <summary>Pins a link; detaches the one that it replaces.</summary>
    public void Pin(HookKind hook, LinkAttachment link)
    {
        Remove(hook);
        link.Pin(PathOf(hook));
    }

    /// <summary>Detaches and unpins a link, if it is pinned.</summary>
    public void Remove(HookKind hook)
    {
        if (!File.Exists(PathOf(hook)))
            return;
        using var link = LinkAttachment.OpenPin(PathOf(hook));
        link.Detach();
        File.Delete(PathOf(hook));
    }

    public void RemoveAll() => Array.ForEach(All, Remove);

    string PathOf(HookKind hook) =>
        Path.Combine(Instance.Directory(instance), $"{Prefix}{hook.ToConfigString()}_{Instance.PinName(device)}");
}
