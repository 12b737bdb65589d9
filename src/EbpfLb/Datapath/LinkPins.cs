using EbpfLb.Configuration;

namespace EbpfLb.Datapath;

/// <summary>The pinned links of an instance to one interface: tc, and the modes of XDP.</summary>
sealed class LinkPins(string instance, string device)
{
    public const string Prefix = "link_";

    public static readonly IReadOnlyList<HookKind> XdpModes = [HookKind.XdpNative, HookKind.XdpGeneric];

    static readonly HookKind[] All = [.. XdpModes, HookKind.Tc];

    /// <summary>
    /// The pinned link to this interface, or null. A pinned link may belong to an interface that is gone. A pin with a
    /// former name of the interface gets the current one.
    /// </summary>
    public LinkAttachment? TryOpen(HookKind hook, int ifindex)
    {
        var directory = Instance.Directory(instance);
        foreach (var path in Directory.Exists(directory) ? Directory.GetFiles(directory, $"{PrefixOf(hook)}*") : [])
        {
            var link = LinkAttachment.OpenPin(path);
            if (link.Ifindex == ifindex)
            {
                File.Move(path, PathOf(hook), overwrite: true);
                return link;
            }
            link.Dispose();
        }
        return null;
    }

    /// <inheritdoc cref="LinkAttachment.Pin"/>
    public void Pin(HookKind hook, LinkAttachment link) => link.Pin(PathOf(hook));

    /// <inheritdoc cref="LinkAttachment.Unpin"/>
    public void Remove(HookKind hook) => LinkAttachment.Unpin(PathOf(hook));

    /// <summary>Gives the pins the interface's new name.</summary>
    public void Rename(string name)
    {
        var renamed = new LinkPins(instance, name);
        foreach (var hook in All.Where(hook => File.Exists(PathOf(hook))))
            File.Move(PathOf(hook), renamed.PathOf(hook), overwrite: true);
    }

    public void RemoveAll() => Array.ForEach(All, Remove);

    string PathOf(HookKind hook) =>
        Path.Combine(Instance.Directory(instance), $"{PrefixOf(hook)}{Instance.PinName(device)}");

    static string PrefixOf(HookKind hook) => $"{Prefix}{hook.ToConfigString()}_";
}
