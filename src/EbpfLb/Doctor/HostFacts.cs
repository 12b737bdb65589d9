namespace EbpfLb.Doctor;

/// <summary>Facts about this machine and the privileges of this process.</summary>
/// <param name="Capabilities">The effective ones, as a bit set by capability number.</param>
/// <param name="Kernel">Major and minor version.</param>
/// <param name="HasBtf">True if the kernel has BTF.</param>
/// <param name="HasBpffs">True if a bpf file system is mounted for the pins.</param>
/// <param name="LibBpf">The version of libbpf; null if it is not installed.</param>
/// <param name="LocalPorts">The local stack's own port range.</param>
/// <param name="Forwards">True if the kernel forwards IPv4, on the first interface if any is given.</param>
/// <param name="Device">The first given interface, or null.</param>
/// <param name="TcFailure">Why the tc program does not load, or null.</param>
/// <param name="XdpFailure">Why the XDP program with the tc program does not load, or null.</param>
sealed record HostFacts(
    ulong Capabilities, Version Kernel, bool HasBtf, bool HasBpffs, string? LibBpf, (int First, int Last) LocalPorts,
    bool Forwards, DeviceFacts? Device, string? TcFailure, string? XdpFailure)
{
    /// <summary>Why the faster tc program does not load; null if it does.</summary>
    public string? TcRefusal { get; init; }

    /// <summary>What the kernel logged about each program that it refused; shown with --verbose.</summary>
    public IReadOnlyList<string> Logs { get; init; } = [];

    /// <summary>True if the capabilities hold in a user namespace only, as with a rootless engine.</summary>
    public bool IsInUserNamespace { get; init; }

    /// <summary>The other given interfaces: clients use the first, backends may be behind others.</summary>
    public IReadOnlyList<DeviceFacts> MoreDevices { get; init; } = [];

    public bool Has(Capability capability) => (Capabilities & (1UL << (int)capability)) != 0;
}

/// <summary>The values are Linux capability numbers.</summary>
enum Capability { NetAdmin = 12, SysAdmin = 21, Perfmon = 38, Bpf = 39 }

/// <param name="Name">As given.</param>
/// <param name="Exists">
/// False if the network namespace has no such interface; the other members are then empty.
/// </param>
/// <param name="IsUp">True if it carries packets.</param>
/// <param name="Addresses">The addresses that can be listened on.</param>
/// <param name="Driver">The driver, or null for a virtual device.</param>
/// <param name="ForwardsIpv6">True if the kernel forwards IPv6 on it; null if it has no IPv6 address.</param>
/// <param name="SendsFromXdp">
/// For a veth: true if its peer receives what native XDP sends. Null for other devices or if unknown.
/// </param>
sealed record DeviceFacts(
    string Name, bool Exists, bool IsUp, IReadOnlyList<string> Addresses, string? Driver, bool? ForwardsIpv6 = null,
    bool? SendsFromXdp = null)
{
    /// <summary>True if the kernel forwards IPv4 packets that arrive on it.</summary>
    public bool Forwards { get; init; } = true;
}
