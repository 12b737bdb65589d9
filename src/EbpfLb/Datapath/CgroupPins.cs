namespace EbpfLb.Datapath;

/// <summary>The pinned links of an instance to one cgroup.</summary>
sealed class CgroupPins(string instance, string path)
{
    /// <summary>The cgroups whose clients an instance balances, and whether each one exists.</summary>
    public static IEnumerable<(string Path, bool IsPresent)> Read(string instance)
    {
        foreach (var pin in FilesOf(instance, CgroupHook.Connect))
        {
            using var link = LinkAttachment.TryOpenPin(pin);
            if (link is not null) // else the balancer has just removed it
                yield return (PathOf(pin, CgroupHook.Connect), link.CgroupId != 0);
        }
    }

    /// <summary>The cgroups that an instance has a pinned link to.</summary>
    public static IReadOnlySet<string> All(string instance) =>
        CgroupHook.All.SelectMany(hook => FilesOf(instance, hook).Select(pin => PathOf(pin, hook))).ToHashSet();

    /// <summary>The pinned link to the cgroup with this id; null if there is none, or one to a cgroup that is gone.</summary>
    public LinkAttachment? TryOpen(CgroupHook hook, ulong id)
    {
        var link = LinkAttachment.TryOpenPin(PinOf(hook));
        if (link is null || link.CgroupId == id)
            return link;
        link.Dispose();
        return null;
    }

    /// <inheritdoc cref="LinkAttachment.Pin"/>
    public void Pin(CgroupHook hook, LinkAttachment link) => link.Pin(PinOf(hook));

    /// <inheritdoc cref="LinkAttachment.Unpin"/>
    public void Remove(CgroupHook hook) => LinkAttachment.Unpin(PinOf(hook));

    /// <summary>
    /// Stops balancing the cgroup's clients. The program that counts closes stays while the cgroup exists: open sockets
    /// are in the table.
    /// </summary>
    public void Release()
    {
        foreach (var hook in CgroupHook.All.Reverse().Where(hook => hook != CgroupHook.Release || IsGone(hook)))
            Remove(hook);
    }

    bool IsGone(CgroupHook hook)
    {
        using var link = LinkAttachment.TryOpenPin(PinOf(hook));
        return link is { CgroupId: 0 };
    }

    string PinOf(CgroupHook hook) => Path.Combine(Instance.Directory(instance), PrefixOf(hook) + Escape(path));

    static string[] FilesOf(string instance, CgroupHook hook)
    {
        var directory = Instance.Directory(instance);
        return Directory.Exists(directory) ? Directory.GetFiles(directory, $"{PrefixOf(hook)}*") : [];
    }

    static string PathOf(string pin, CgroupHook hook) =>
        Uri.UnescapeDataString(Path.GetFileName(pin)[PrefixOf(hook).Length..].Replace(':', '/'));

    static string PrefixOf(CgroupHook hook) => $"{LinkPins.Prefix}{hook.Name}_";

    /// <summary>A name in the bpf file system has neither slashes nor dots.</summary>
    static string Escape(string path) => path.Replace("%", "%25").Replace(".", "%2E").Replace(":", "%3A").Replace('/', ':');
}
