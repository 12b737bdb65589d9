using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>
/// The pins of a balancer, by which other processes read and detach it: its maps and its links. It has the name of
/// its first interface.
/// </summary>
static class Instance
{
    static readonly string Shared = Path.Combine(BpfFs.Root, "ebpf-lb");

    /// <summary>Interfaces belong to a network namespace, and several of these may share a bpf file system.</summary>
    static string Root => Path.Combine(Shared, $"netns-{Netns.Cookie}");

    public static string Directory(string instance) => Path.Combine(Root, PinName(instance));

    /// <summary>The instances in this network namespace that have pins.</summary>
    /// <exception cref="LoadBalancerException">This process may not list them.</exception>
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
            throw new LoadBalancerException($"listing the attached instances failed: {error.Message.TrimEnd('.')}. {Remedies.Pins}", error);
        }
    }

    public static void PinTables(string instance, LbTables tables)
    {
        BpfFs.CreateDirectory(Directory(instance));
        tables.PinTo(Directory(instance));
    }

    /// <exception cref="LoadBalancerException">They have another version, or are being pinned or removed.</exception>
    public static LbTables OpenTables(string instance)
    {
        var version = ReadHeader<InstanceHeader>(Directory(instance)).AbiVersion;
        return version is 0 or Limits.AbiVersion
            ? LbTables.OpenPins(Directory(instance))
            : throw new LoadBalancerException(
                $"what is attached to {instance} was made by another version of ebpf-lb (layout {version}, this build has "
                + $"{Limits.AbiVersion}). Use that version, or detach it first: `ebpf-lb detach --interface {instance}`, which breaks its connections.");
    }

    /// <summary>The instance that is attached to an interface, or null.</summary>
    public static string? FindOn(string device) =>
        All().FirstOrDefault(instance => instance == device || InterfacesOf(instance).Values.Contains(device));

    /// <summary>
    /// The name for an instance whose first interface is this one: the interface's, or that of the instance which
    /// is attached to it and has left the interface that named it.
    /// </summary>
    public static string NameFor(string first) =>
        FindOn(first) is { } former && !InterfacesOf(former).Values.Contains(former) && InterfacesOf(former).Count == 1 ? former : first;

    /// <summary>
    /// The names of an instance's interfaces by index, as far as they were written: the current ones, and the last ones
    /// of interfaces that are gone.
    /// </summary>
    public static IReadOnlyDictionary<uint, string> InterfacesOf(string instance)
    {
        try
        {
            using var links = Fd.OpenPin(Path.Combine(Directory(instance), "links"));
            return links.ReadAll<LinkHeader>().ToDictionary(
                link => link.Key, link => Interfaces.NameOf((int)link.Key) ?? link.Value.Name);
        }
        catch (NativeException error) when (error.Number == Errno.ENOENT)
        {
            return new Dictionary<uint, string>();
        }
    }

    /// <summary>Detaches an instance from all interfaces except these.</summary>
    public static void DetachFromOthers(string instance, LbTables tables, IReadOnlyList<NetworkDevice> kept)
    {
        foreach (var index in tables.Links.Keys().Where(index => kept.All(device => device.Index != index)))
        {
            // If another interface has taken the name, the pins are already the new one's.
            if (tables.Links.TryGet(index, out var link) && kept.All(device => device.Name != link.Name))
                new LinkPins(instance, link.Name).RemoveAll();
            ClsactAttachment.Find((int)index)?.Detach();
            tables.Links.Remove(index);
        }
    }

    /// <summary>Detaches the programs of an ended process and removes its pins.</summary>
    /// <returns>False if there was nothing.</returns>
    /// <inheritdoc cref="RemovePins" path="/exception"/>
    public static bool Remove(string instance)
    {
        var directory = Directory(instance);
        if (!System.IO.Directory.Exists(directory))
            return false;
        foreach (var path in System.IO.Directory.GetFiles(directory, $"{LinkPins.Prefix}*").Order().Reverse())
            LinkAttachment.Unpin(path);
        foreach (var index in InterfacesOf(instance).Keys.Append(ReadIfindex(directory)).Distinct())
            ClsactAttachment.Find((int)index)?.Detach();
        RemovePins(instance);
        return true;
    }

    /// <summary>Releases the ports that the instance reserved, and removes the pins.</summary>
    /// <exception cref="PortsStayReservedException">This process may not release them. The pins are removed.</exception>
    public static void RemovePins(string instance)
    {
        var pins = Directory(instance);
        if (!System.IO.Directory.Exists(pins))
            return;
        using var alone = BpfFs.Lock();
        try
        {
            ReservedPorts.Release(instance);
        }
        finally
        {
            System.IO.Directory.Delete(pins, recursive: true);
            RemoveEmptyDirectories();
        }
    }

    static void RemoveEmptyDirectories()
    {
        foreach (var directory in new[] { Root, Shared })
        {
            try
            {
                System.IO.Directory.Delete(directory);
            }
            catch (IOException)
            {
                return; // other pins are there, or another process is removing it too
            }
        }
    }

    /// <summary>Reads the instance's state: <see cref="InstanceHeader"/> is the part that every version has.</summary>
    public static T ReadHeader<T>(string directory)
        where T : unmanaged
    {
        using var fd = Fd.OpenPin(Path.Combine(directory, "instance"));
        return fd.ReadFirst<T>();
    }

    /// <summary>The bpf file system allows no dots in names, and interface names have no colons.</summary>
    public static string PinName(string device) => device.Replace('.', ':');

    /// <summary>The first interface's index, as versions with one interface wrote it; 0 if it was not written.</summary>
    static uint ReadIfindex(string directory) =>
        File.Exists(Path.Combine(directory, "instance")) ? ReadHeader<InstanceHeader>(directory).Ifindex : 0;
}
