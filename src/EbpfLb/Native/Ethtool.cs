namespace EbpfLb.Native;

/// <summary>Flags of an interface (linux/if.h); others are left out.</summary>
[Flags]
enum InterfaceFlags
{
    Up = 0x1,
    Loopback = 0x8,

    /// <summary>It is up and has a carrier.</summary>
    Running = 0x40,
}

/// <summary>Requests to an interface's driver (linux/ethtool.h), its link-layer address and its flags.</summary>
static unsafe class Ethtool
{
    /// <summary>ARPHRD_ETHER: the type of an interface whose frames have Ethernet headers.</summary>
    public const ushort TypeEthernet = 1;

    const nuint SiocEthtool = 0x8946, SiocGetHardwareAddress = 0x8927, SiocGetFlags = 0x8913;
    const uint GetDriverInfo = 0x3, GetFlags = 0x25;
    const uint RemovesVlanTags = 1 << 8; // ETH_FLAG_RXVLAN
    const int AddressFamilyInet = 2;
    const int DatagramCloseOnExec = 0x80002; // SOCK_DGRAM | SOCK_CLOEXEC

    /// <summary>The driver's name and its hardware's bus address, which is empty for a virtual device.</summary>
    public static (string Driver, string Bus) DriverOf(string device)
    {
        var info = new DriverInfo { cmd = GetDriverInfo };
        return Request(device, SiocEthtool, new() { data = (nint)(&info) }, "reading the driver") is null
            ? ("", "")
            : (FixedText(info.driver), FixedText(info.bus_info));
    }

    /// <summary>True if the card removes VLAN tags from received frames (rx-vlan-hw-parse).</summary>
    public static bool HidesVlanTags(string device)
    {
        var flags = new Value { cmd = GetFlags };
        return Request(device, SiocEthtool, new() { data = (nint)(&flags) }, "reading the offloads") is not null
            && (flags.data & RemovesVlanTags) != 0;
    }

    /// <summary>The link layer's type (ARPHRD_*) and the six bytes of its address; without Ethernet they mean nothing.</summary>
    public static (ushort Type, byte[] Address) HardwareAddressOf(string device)
    {
        var answer = Request(device, SiocGetHardwareAddress, default, "reading the link-layer address")!.Value;
        var address = new ReadOnlySpan<byte>(&answer.data, 8); // struct sockaddr: the family, then the address
        return (MemoryMarshal.Read<ushort>(address), address[2..8].ToArray());
    }

    public static InterfaceFlags FlagsOf(string device) =>
        (InterfaceFlags)(ushort)Request(device, SiocGetFlags, default, "reading the flags")!.Value.data;

    /// <summary>Null if the interface does not know the request.</summary>
    static IfReq? Request(string device, nuint number, IfReq request, string operation)
    {
        using var socket = new Fd(Check.MinusOneWithErrno(
            LibC.socket(AddressFamilyInet, DatagramCloseOnExec, 0), "opening a socket for requests about an interface"));
        Encoding.UTF8.GetBytes(device, new Span<byte>(request.name, 15));
        if (LibC.ioctl(socket.Number, number, &request) >= 0)
            return request;
        var errno = Marshal.GetLastPInvokeError();
        return errno == Errno.EOPNOTSUPP ? null : throw new NativeException($"{operation} of {device}", errno);
    }

    static string FixedText(byte* field) => Marshal.PtrToStringUTF8((nint)field) ?? "";

    [StructLayout(LayoutKind.Sequential)]
    struct IfReq
    {
        public fixed byte name[16];
        public nint data;
        readonly nint _union0;
        readonly nint _union1;
    }

    [StructLayout(LayoutKind.Sequential)]
    struct Value
    {
        public uint cmd;
        public uint data;
    }

    [StructLayout(LayoutKind.Sequential)]
    struct DriverInfo
    {
        public uint cmd;
        public fixed byte driver[32];
        public fixed byte version[32];
        public fixed byte fw_version[32];
        public fixed byte bus_info[32];
        public fixed byte rest[64];
    }
}
