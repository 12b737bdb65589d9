using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>
/// What a runner pins, so that other processes can see it, and end it: its maps, and its links to each interface. It is
/// named after the first of its interfaces.
/// </summary>
static class Instance
{
    static readonly string Shared = Path.Combine(BpfFs.Root, "ebpf-lb");

    /// <summary>
    /// Interfaces are named in a network namespace, and a bpf file system may be shared by several: by some that came when
    /// others had ended, too, whose pins are none of theirs.
    /// </summary>
    static string Root => Path.Combine(Shared, $"netns-{Netns.Cookie}");

    public static string Directory(string instance) => Path.Combine(Root, PinName(instance));

    /// <summary>The instances in this network namespace that have pins.</summary>
    /// <exception cref="LoadBalancerException">This process may not look for them.</exception>
    public static IReadOnlyList<string> All()
    {
        try
        {
            return
            [
                .. System.IO.Directory.GetDirectories(Root).Select(path => Path.GetFileName(path).Replace(':', '.')).Order(),
            ];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (UnauthorizedAccessException error)
        {
            throw new LoadBalancerException($"what is attached is not told: {error.Message.TrimEnd('.')}. {Fd.PinRemedy}", error);
        }
    }

    public static void PinTables(string instance, LbTables tables)
    {
        BpfFs.CreateDirectory(Directory(instance));
        tables.PinTo(Directory(instance));
    }

    /// <summary>Opens the tables of an instance.</summary>
    /// <exception cref="LoadBalancerException">They are another version's, or are being pinned or removed.</exception>
    public static LbTables OpenTables(string instance)
    {
        var version = ReadHeader(Directory(instance)).AbiVersion;
        return version is 0 or Limits.AbiVersion
            ? LbTables.OpenPins(Directory(instance))
            : throw new LoadBalancerException(
                $"what is attached to {instance} was made by another version of ebpf-lb (layout {version}, this build has "
                + $"{Limits.AbiVersion}). Use that one, or detach it first.");
    }

    /// <summary>The instance that stands on an interface; null where none does.</summary>
    public static string? FindOn(string device) =>
        All().FirstOrDefault(instance => instance == device || InterfacesOf(instance).Values.Contains(device));

    /// <summary>The names of an instance's interfaces by their indexes, as far as it came to tell them.</summary>
    public static IReadOnlyDictionary<uint, string> InterfacesOf(string instance)
    {
        try
        {
            using var links = Fd.OpenPin(Path.Combine(Directory(instance), "links"));
            return links.ReadAll<LinkHeader>().ToDictionary(link => link.Key, link => link.Value.Name);
        }
        catch (NativeException error) when (error.Number == Errno.ENOENT)
        {
            return new Dictionary<uint, string>();
        }
    }

    /// <summary>Takes an instance off every interface but these.</summary>
    public static void DetachFromOthers(string instance, LbTables tables, IReadOnlyList<NetworkDevice> kept)
    {
        foreach (var index in tables.Links.Keys().Where(index => kept.All(device => device.Index != index)))
        {
            // Where an interface was replaced by another of its name, the pins are the new one's by now.
            if (tables.Links.TryGet(index, out var link) && kept.All(device => device.Name != link.Name))
                new LinkPins(instance, link.Name).RemoveAll();
            ClsactAttachment.Find((int)index)?.Detach();
            tables.Links.Remove(index);
        }
    }

    /// <summary>Detaches what an ended process left, and removes its pins.</summary>
    /// <returns>False when there was nothing.</returns>
    public static bool Remove(string instance)
    {
        var directory = Directory(instance);
        if (!System.IO.Directory.Exists(directory))
            return false;
        foreach (var path in System.IO.Directory.GetFiles(directory, $"{LinkPins.Prefix}*").Order().Reverse())
        {
            using var link = LinkAttachment.OpenPin(path);
            link.Detach();
        }
        foreach (var index in InterfacesOf(instance).Keys.Append(ReadIfindex(directory)).Distinct())
            ClsactAttachment.Find((int)index)?.Detach();
        RemovePins(instance);
        return true;
    }

    public static void RemovePins(string instance)
    {
        var pins = Directory(instance);
        if (!System.IO.Directory.Exists(pins))
            return;
        System.IO.Directory.Delete(pins, recursive: true);
        foreach (var directory in new[] { Root, Shared })
        {
            try
            {
                System.IO.Directory.Delete(directory);
            }
            catch (IOException)
            {
                return; // others' pins are there, or another one removed it that ends at the same moment
            }
        }
    }

    /// <summary>What an instance of whichever version told of itself first.</summary>
    public static InstanceHeader ReadHeader(string directory) => ReadHeader<InstanceHeader>(directory);

    /// <summary>The same, as far as a type of whichever length tells.</summary>
    public static T ReadHeader<T>(string directory)
        where T : unmanaged
    {
        using var fd = Fd.OpenPin(Path.Combine(directory, "instance"));
        return fd.ReadFirst<T>();
    }

    /// <summary>A bpf file system allows no dots in names, and interfaces no colons: one stands for the other.</summary>
    public static string PinName(string device) => device.Replace('.', ':');

    /// <summary>
    /// The index of the first interface, which versions told that had but one; 0 where a process ended before it came
    /// to say so.
    /// </summary>
    static uint ReadIfindex(string directory)
    {
        if (!File.Exists(Path.Combine(directory, "instance")))
            return 0;
        return ReadHeader(directory).Ifindex;
    }
}
