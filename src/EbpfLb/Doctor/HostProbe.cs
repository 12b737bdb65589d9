using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Doctor;

/// <summary>Collects facts from the kernel's files and by loading the programs. Leaves nothing behind.</summary>
static class HostProbe
{
    const uint FewFlows = 1024;
    const string IdMap = "/proc/self/uid_map";

    public static HostFacts Collect(params string[] devices)
    {
        var settings = DatapathSettings.Read(EventLevel.Flows);
        var found = devices.Select(Describe).ToArray();
        var tc = Load(HookKind.Tc, settings);
        var xdp = Load(HookKind.XdpGeneric, settings);
        return new HostFacts
        {
            Capabilities = EffectiveCapabilities(),
            Kernel = KernelVersion(File.ReadAllText("/proc/sys/kernel/osrelease")),
            HasBtf = KernelTypes.AreDescribed,
            HasBpffs = BpfFs.IsMounted,
            IsBpffsReadOnly = BpfFs.IsMounted && BpfFs.IsReadOnly,
            LibBpf = LibBpfVersion(),
            LocalPorts = SnatPorts.Read().Local,
            Forwards = found is [{ Device: not null } first, ..] ? first.Forwards : Forwarding.IsEnabled(),
            Devices = found,
            TcFailure = tc.Failure?.Message,
            XdpFailure = xdp.Failure?.Message,
            TcRefusal = tc.Refusal?.Message,
            Logs = [.. new[] { tc.Failure, tc.Refusal, xdp.Failure }
                .OfType<LoadException>().Select(refused => $"{refused.Message}\n{refused.Log}").Distinct()],
            CanReservePorts = PortReservation.IsPossible(SnatPorts.Reserved),
            IsInUserNamespace = File.Exists(IdMap) && IsPartial(File.ReadAllText(IdMap)),
        };
    }

    /// <summary>True if a user namespace's id map leaves ids out: only the initial namespace has all.</summary>
    public static bool IsPartial(string idMap) =>
        ProcFile.Fields(idMap) is not ["0", "0", "4294967295"];

    /// <summary>This process's effective capabilities, as a bit set by number.</summary>
    public static ulong EffectiveCapabilities() => EffectiveCapabilities(File.ReadLines("/proc/self/status"));

    /// <summary>From the lines of /proc/PID/status.</summary>
    public static ulong EffectiveCapabilities(IEnumerable<string> status)
    {
        const string Key = "CapEff:";
        var line = status.First(line => line.StartsWith(Key, StringComparison.Ordinal));
        return ulong.Parse(line[Key.Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    /// <summary>Major and minor of releases such as 6.1.0-18-amd64 and 6.12-rc1.</summary>
    public static Version KernelVersion(string release) =>
        Version.Parse(string.Join('.', release.Trim().Split('.', '-', '+')[..2]));

    static DeviceFacts Describe(string name)
    {
        if (Interfaces.Read(all => all.All(candidate => candidate.Name != name)))
            return new DeviceFacts(name, null);
        var addresses = NetworkDevice.AddressesOf(name);
        return new DeviceFacts(name, NetworkDevice.Read(name))
        {
            Flags = Ethtool.FlagsOf(name),
            Addresses = addresses,
            Forwards = Forwarding.IsEnabled(name, AddressFamily.InterNetwork),
            ForwardsIpv6 = addresses.Any(address => address.AddressFamily == AddressFamily.InterNetworkV6)
                ? Forwarding.IsEnabled(name, AddressFamily.InterNetworkV6)
                : null,
        };
    }

    static string? LibBpfVersion()
    {
        try
        {
            return LibBpf.libbpf_version_string().TrimStart('v');
        }
        catch (DllNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Loads the programs and maps, and closes them.</summary>
    static (Exception? Failure, LoadException? Refusal) Load(HookKind hook, LbSettings settings)
    {
        try
        {
            using var datapath = LoadedDatapath.Load(hook, settings, new(FewFlows));
            return (null, datapath.TcRefusal);
        }
        catch (Exception error) when (error is LoadBalancerException or DllNotFoundException)
        {
            return (error, null);
        }
    }
}
