using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Datapath;

/// <summary>
/// The program of a backend in mode tunnel: it removes the outer headers of packets to an interface's addresses. Its pins
/// keep it attached without its process.
/// </summary>
sealed class Decapsulator : IDisposable
{
    public const string Object = "decap";

    const uint ClsactHandle = 0xdec;

    static readonly string Shared = Path.Combine(BpfFs.Root, "ebpf-lb-decap");

    readonly NetworkDevice _device;
    readonly BpfMap<LbAddress, byte> _addresses;
    readonly IAttachment _attachment;
    readonly InstanceLock _lock;

    Decapsulator(NetworkDevice device, BpfMap<LbAddress, byte> addresses, IAttachment attachment, InstanceLock held) =>
        (_device, _addresses, _attachment, _lock) = (device, addresses, attachment, held);

    /// <summary>Attaches to an interface, in place of what an ended process left there.</summary>
    /// <exception cref="LoadBalancerException">The kernel refused, there is no Ethernet header, or another process is there.</exception>
    public static Decapsulator Attach(NetworkDevice device)
    {
        if (!device.IsEthernet)
            throw new LoadBalancerException(
                $"packets of {device.Name} have no Ethernet header, which the program needs. Use the kernel's ipip, sit or fou devices.");
        var held = InstanceLock.Acquire([LockOf(device.Name)]);
        try
        {
            using var loaded = Load();
            using var program = loaded.Program("lb_decap");
            using var counts = loaded.Map("decap_counts");
            var addresses = new BpfMap<LbAddress, byte>(loaded.Map("decap_addresses"), "decap_addresses");
            Fill(addresses, device.Addresses());
            BpfFs.CreateDirectory(DirectoryOf(device.Name));
            var attachment = Attach(program, device);
            File.Delete(CountsOf(device.Name));
            counts.Pin(CountsOf(device.Name));
            return new(device, addresses, attachment, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>The name under which an interface is locked.</summary>
    public static string LockOf(string device) => $"{InstanceLock.DecapsulationPrefix}{device}";

    /// <summary>Follows the interface's addresses until it is cancelled.</summary>
    /// <exception cref="LoadBalancerException">The interface is gone.</exception>
    public async Task FollowAsync(CancellationToken cancellation)
    {
        using var changes = new AddressChanges();
        while (true)
        {
            Fill(_addresses, _device.Addresses());
            await changes.WaitAsync(cancellation);
        }
    }

    public void Detach()
    {
        if (_device.IsPresent)
            _attachment.Detach();
        RemovePins(_device.Name);
    }

    public void Dispose()
    {
        _attachment.Dispose();
        _addresses.Dispose();
        _lock.Dispose();
    }

    /// <summary>The interfaces of this network namespace that have it, with its packets by what was done with them.</summary>
    public static IEnumerable<(string Interface, ImmutableArray<(DecapResult What, ulong Packets)> Counts)> ReadAll()
    {
        if (!Directory.Exists(Root))
            yield break;
        foreach (var directory in Directory.GetDirectories(Root).Order().Where(path => File.Exists(Path.Combine(path, "counts"))))
        {
            using var counts = new BpfMap<uint, ulong>(Fd.OpenPin(Path.Combine(directory, "counts")), "decap_counts");
            yield return (Path.GetFileName(directory).Replace(':', '.'),
            [
                .. Enum.GetValues<DecapResult>().Select(what => (
                    what, counts.SumPerCpu((uint)what))),
            ]);
        }
    }

    /// <summary>Detaches what an ended process left on an interface.</summary>
    /// <returns>False if there was nothing.</returns>
    public static bool Remove(string device, int ifindex)
    {
        if (!Directory.Exists(DirectoryOf(device)))
            return false;
        LinkAttachment.Unpin(LinkOf(device));
        ClsactAttachment.Find(ifindex, ClsactHandle)?.Detach();
        RemovePins(device);
        return true;
    }

    /// <summary>Replaces the program of an ended process at once, so that no packet meets none.</summary>
    static IAttachment Attach(Fd program, NetworkDevice device)
    {
        var path = LinkOf(device.Name);
        if (LinkAttachment.TryOpenPin(path) is { } former)
        {
            if (former.Ifindex == device.Index)
            {
                former.Replace(program);
                return former;
            }
            former.Dispose();
            File.Delete(path);
        }
        if (LinkAttachment.TryTcx(program, device) is not { } link)
            return ClsactAttachment.Attach(program, device, ClsactHandle);
        link.Pin(path);
        return link;
    }

    static string Root => Path.Combine(Shared, $"netns-{Netns.Cookie}");

    static string DirectoryOf(string device) => Path.Combine(Root, Instance.PinName(device));

    static string LinkOf(string device) => Path.Combine(DirectoryOf(device), "link");

    static string CountsOf(string device) => Path.Combine(DirectoryOf(device), "counts");

    static void RemovePins(string device)
    {
        Directory.Delete(DirectoryOf(device), recursive: true);
        foreach (var directory in new[] { Root, Shared }.Where(directory => !Directory.EnumerateFileSystemEntries(directory).Any()))
            Directory.Delete(directory);
    }

    static BpfObject Load()
    {
        var opened = EmbeddedObject.Open(Object);
        try
        {
            opened.Load();
            return opened;
        }
        catch (LoadException failure)
        {
            opened.Dispose();
            throw KernelNeed.Decap.Explain(failure, KernelNeed.Running);
        }
    }

    static void Fill(BpfMap<LbAddress, byte> addresses, ImmutableArray<IPAddress> own)
    {
        var wanted = own.Select(LbAddress.From).ToHashSet();
        foreach (var address in wanted)
            addresses.Set(address, 1);
        foreach (var gone in addresses.Keys().Where(address => !wanted.Contains(address)))
            addresses.Remove(gone);
    }
}
