namespace EbpfLb.Doctor;

/// <summary>What this machine and these privileges are like.</summary>
/// <param name="Capabilities">Effective ones, as a bit set by capability number.</param>
/// <param name="Kernel">Major and minor version.</param>
/// <param name="HasBtf">Whether the kernel describes its own types.</param>
/// <param name="HasBpffs">Whether a BPF file system is mounted where pins go.</param>
/// <param name="LibBpf">The version of the native library, or null where it is not installed.</param>
/// <param name="LocalPorts">First and last port that the local stack takes for its own connections.</param>
/// <param name="Forwards">Whether the kernel forwards IPv4 packets, on the first interface where any was asked about.</param>
/// <param name="Device">The first interface that was asked about, or null where none was.</param>
/// <param name="TcFailure">Why the tc program does not load, or null where it does.</param>
/// <param name="XdpFailure">Why the XDP program, with the tc program behind it, does not load, or null where it does.</param>
sealed record HostFacts(
    ulong Capabilities, Version Kernel, bool HasBtf, bool HasBpffs, string? LibBpf, (int First, int Last) LocalPorts,
    bool Forwards, DeviceFacts? Device, string? TcFailure, string? XdpFailure)
{
    /// <summary>Why the tc program that loads is not the one that takes the least time; null where it is.</summary>
    public string? TcRefusal { get; init; }

    /// <summary>What the kernel logged about each program that it refused; shown with --verbose.</summary>
    public IReadOnlyList<string> Logs { get; init; } = [];

    /// <summary>Whether the capabilities are over a user namespace alone, as a rootless engine gives them.</summary>
    public bool IsInUserNamespace { get; init; }

    /// <summary>The others that were asked about: clients come by one, and backends are reached by another.</summary>
    public IReadOnlyList<DeviceFacts> MoreDevices { get; init; } = [];

    public bool Has(Capability capability) => (Capabilities & (1UL << (int)capability)) != 0;
}

/// <summary>The values are Linux capability numbers.</summary>
enum Capability { NetAdmin = 12, SysAdmin = 21, Perfmon = 38, Bpf = 39 }

/// <param name="Name">As it was asked for.</param>
/// <param name="Exists">False where the network namespace has none of this name; the rest is then empty.</param>
/// <param name="IsUp">Whether it carries packets.</param>
/// <param name="Addresses">Those that can be listened on.</param>
/// <param name="Driver">The driver, or null for a virtual device.</param>
/// <param name="ForwardsIpv6">Whether the kernel forwards IPv6 packets on it, or null where it has no IPv6 address.</param>
/// <param name="SendsFromXdp">Whether what native XDP sends gets out by a veth; null where it is none, or the kernel does not tell.</param>
sealed record DeviceFacts(
    string Name, bool Exists, bool IsUp, IReadOnlyList<string> Addresses, string? Driver, bool? ForwardsIpv6 = null,
    bool? SendsFromXdp = null)
{
    /// <summary>Whether the kernel forwards IPv4 packets that come by it.</summary>
    public bool Forwards { get; init; } = true;
}
