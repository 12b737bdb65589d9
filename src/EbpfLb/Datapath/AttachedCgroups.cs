using EbpfLb.Networking;

namespace EbpfLb.Datapath;

/// <summary>
/// The socket programs on the configured cgroups. <see cref="Prepare"/> does what the kernel may refuse, and can be rolled
/// back; <see cref="Commit"/> replaces the programs of an ended process.
/// </summary>
/// <param name="programs">Null if no cgroup is configured.</param>
/// <param name="paths">The cgroups. One that does not exist is attached to when it does.</param>
sealed class AttachedCgroups(string instance, SocketPrograms? programs, IReadOnlyList<string> paths) : IDisposable
{
    readonly Dictionary<string, ulong> _ids = []; // by path, of those that are attached
    readonly List<Held> _held = [];

    /// <summary>Attaches to the cgroups that no pinned link is attached to.</summary>
    /// <exception cref="LoadBalancerException">One is no cgroup, or the kernel refused; roll back.</exception>
    public void Prepare()
    {
        foreach (var path in paths)
        {
            if (Cgroup.FindId(path) is { } id)
                Acquire(path, id);
        }
    }

    /// <summary>Replaces the programs of the predecessor, and leaves its other cgroups.</summary>
    public void Commit()
    {
        foreach (var held in _held.Where(held => !held.IsNew))
            held.Link.Replace(programs![held.Hook]);
        foreach (var path in CgroupPins.All(instance).Except(paths))
            new CgroupPins(instance, path).Release();
    }

    /// <summary>The steps that restore the cgroups as they were before <see cref="Prepare"/>.</summary>
    public IEnumerable<Action> RollbackSteps() => Enumerable.Reverse(_held).Where(held => held.IsNew)
        .Select(held => new Action(() => new CgroupPins(instance, held.Path).Remove(held.Hook)));

    /// <summary>Attaches to cgroups that were made since, also in place of one that is gone.</summary>
    /// <returns>The number of cgroups that were attached to.</returns>
    /// <exception cref="LoadBalancerException">A cgroup does not exist, or the kernel refused; the others are attached.</exception>
    public int Update() => BestEffort.Sum(paths, Update);

    /// <summary>Detaches from all. Links of cgroups that an ended process left are removed with the pins.</summary>
    public void Detach()
    {
        foreach (var held in Enumerable.Reverse(_held))
            held.Link.Detach();
        Dispose();
    }

    /// <summary>Closes the descriptors; attached programs stay.</summary>
    public void Dispose()
    {
        _held.ForEach(held => held.Link.Dispose());
        _held.Clear();
        _ids.Clear();
    }

    int Update(string path)
    {
        var id = Cgroup.FindId(path) ?? throw new LoadBalancerException(
            $"cgroup {path} does not exist: no client in it is balanced at its socket. Create it, and it is attached within seconds.");
        if (_ids.GetValueOrDefault(path) == id)
            return 0;
        foreach (var gone in _held.Where(held => held.Path == path))
            gone.Link.Dispose();
        _held.RemoveAll(held => held.Path == path);
        Acquire(path, id);
        return 1;
    }

    void Acquire(string path, ulong id)
    {
        var pins = new CgroupPins(instance, path);
        using var directory = Cgroup.Open(path);
        foreach (var hook in CgroupHook.All)
        {
            var held = pins.TryOpen(hook, id);
            var link = held ?? LinkAttachment.Cgroup(programs![hook], directory, hook.Type, path);
            _held.Add(new(path, hook, link, IsNew: held is null));
            if (held is null)
                pins.Pin(hook, link);
        }
        _ids[path] = id;
    }

    sealed record Held(string Path, CgroupHook Hook, LinkAttachment Link, bool IsNew);
}
