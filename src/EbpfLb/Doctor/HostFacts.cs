using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Doctor;

/// <summary>Facts about this machine and the privileges of this process.</summary>
sealed record HostFacts
{
    /// <summary>The effective ones, as a bit set by capability number.</summary>
    public required ulong Capabilities { get; init; }

    /// <summary>Major and minor version.</summary>
    public required Version Kernel { get; init; }
    public required bool HasBtf { get; init; }

    /// <summary>True if a bpf file system is mounted for the pins.</summary>
    public required bool HasBpffs { get; init; }
    public bool IsBpffsReadOnly { get; init; }

    /// <summary>The version of libbpf; null if it is not installed.</summary>
    public required string? LibBpf { get; init; }

    /// <summary>The local stack's own port range.</summary>
    public required PortRange LocalPorts { get; init; }

    /// <summary>True if the kernel forwards IPv4, on the first interface if any is given.</summary>
    public required bool Forwards { get; init; }

    /// <summary>The given interfaces: clients use the first, backends may be behind others.</summary>
    public IReadOnlyList<DeviceFacts> Devices { get; init; } = [];

    /// <summary>Why the tc program does not load, or null.</summary>
    public string? TcFailure { get; init; }

    /// <summary>Why the XDP program with the tc program does not load, or null.</summary>
    public string? XdpFailure { get; init; }

    /// <summary>Why the faster tc program does not load; null if it does.</summary>
    public string? TcRefusal { get; init; }

    /// <summary>What the kernel logged about each program that it refused; shown with --verbose.</summary>
    public IReadOnlyList<string> Logs { get; init; } = [];

    /// <summary>True if the capabilities hold in a user namespace only, as with a rootless engine.</summary>
    public bool IsInUserNamespace { get; init; }

    /// <summary>True if the substitute ports are reserved from the local stack, or this process may reserve them.</summary>
    public bool CanReservePorts { get; init; }

    public bool Has(Capability capability) => Privileges.Has(Capabilities, capability);
}

/// <summary>The values are Linux capability numbers.</summary>
enum Capability { NetAdmin = 12, NetRaw = 13, SysAdmin = 21, Perfmon = 38, Bpf = 39 }

/// <summary>An interface that was named.</summary>
/// <param name="Name">As given.</param>
/// <param name="Device">Null if there is no such interface; the other members are then empty.</param>
sealed record DeviceFacts(string Name, NetworkDevice? Device)
{
    public InterfaceFlags Flags { get; init; }

    /// <summary>The addresses that can be listened on.</summary>
    public ImmutableArray<IPAddress> Addresses { get; init; } = [];

    /// <summary>True if the kernel forwards IPv4 packets that arrive on it.</summary>
    public bool Forwards { get; init; } = true;

    /// <summary>The same of IPv6; null if it has no IPv6 address.</summary>
    public bool? ForwardsIpv6 { get; init; }
}
