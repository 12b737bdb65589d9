using System.Runtime.InteropServices;
using System.Text;

namespace EbpfLb.Native;

/// <summary>Driver information of an interface (linux/ethtool.h, ETHTOOL_GDRVINFO).</summary>
static unsafe class Ethtool
{
    const nuint SiocEthtool = 0x8946;
    const uint GetDriverInfo = 0x3;
    const int AddressFamilyInet = 2;
    const int DatagramCloseOnExec = 0x80002; // SOCK_DGRAM | SOCK_CLOEXEC

    /// <summary>The driver's name and its hardware's bus address, which is empty for a virtual device.</summary>
    public static (string Driver, string Bus) DriverOf(string device)
    {
        using var socket = new Fd(Check.MinusOneWithErrno(
            LibC.socket(AddressFamilyInet, DatagramCloseOnExec, 0), "opening a socket to ask for a driver's name"));
        var info = new DriverInfo { cmd = GetDriverInfo };
        var request = new IfReq { data = (nint)(&info) };
        Encoding.UTF8.GetBytes(device, new Span<byte>(request.name, 15));
        if (LibC.ioctl(socket.Number, SiocEthtool, &request) < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            return errno == Errno.EOPNOTSUPP
                ? ("", "")
                : throw new NativeException($"asking for the driver of {device}", errno);
        }
        return (FixedText(info.driver), FixedText(info.bus_info));
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
