using EbpfLb.Configuration;

namespace EbpfLb.Datapath;

/// <summary>The links to one interface that an instance has pinned, by what they attach: tc, or a mode of XDP.</summary>
sealed class LinkPins(string instance, string device)
{
    /// <summary>What the name of every such pin begins with.</summary>
    public const string Prefix = "link_";

    /// <summary>Each has a pin of its own.</summary>
    public static readonly IReadOnlyList<HookKind> XdpModes = [HookKind.XdpNative, HookKind.XdpGeneric];

    static readonly HookKind[] All = [.. XdpModes, HookKind.Tc];

    /// <summary>
    /// The pinned link that attaches something to this interface; null where none does. One that is pinned yet may have been
    /// attached to an interface that is gone, or has another name now.
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

    /// <summary>Pins a link, and detaches the one in whose place it comes, if any.</summary>
    public void Pin(HookKind hook, LinkAttachment link)
    {
        Remove(hook);
        link.Pin(PathOf(hook));
    }

    /// <summary>Detaches a link, where one is pinned.</summary>
    public void Remove(HookKind hook)
    {
        if (!File.Exists(PathOf(hook)))
            return;
        using var link = LinkAttachment.OpenPin(PathOf(hook));
        link.Detach();
        File.Delete(PathOf(hook));
    }

    /// <summary>Detaches all of them.</summary>
    public void RemoveAll() => Array.ForEach(All, Remove);

    string PathOf(HookKind hook) =>
        Path.Combine(Instance.Directory(instance), $"{Prefix}{hook.ToConfigString()}_{Instance.PinName(device)}");
}
