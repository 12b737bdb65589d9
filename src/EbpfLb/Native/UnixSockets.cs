using System.Runtime.InteropServices;
using System.Text;

namespace EbpfLb.Native;

/// <summary>
/// The abstract unix sockets of the network namespace, over netlink (linux/unix_diag.h; the owner since kernel 5.3).
/// Needs no privilege.
/// </summary>
static unsafe class UnixSockets
{
    const int AddressFamilyNetlink = 16;
    const int RawCloseOnExec = 0x80003; // SOCK_RAW | SOCK_CLOEXEC
    const int SockDiag = 4; // NETLINK_SOCK_DIAG
    const ushort RequestDump = 0x301, Error = 2, Done = 3; // NLM_F_REQUEST | NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE
    const ushort ByFamily = 20; // SOCK_DIAG_BY_FAMILY
    const ushort Name = 0, Uid = 7; // UNIX_DIAG_NAME, UNIX_DIAG_UID
    const uint ShowName = 0x1, ShowUid = 0x40; // UDIAG_SHOW_NAME, UDIAG_SHOW_UID
    const int Header = 16; // struct nlmsghdr, and struct unix_diag_msg
    const int Request = 24; // struct unix_diag_req
    const int AttributeHeader = 4; // struct nlattr
    const string Operation = "asking the kernel for unix sockets";

    const string Bound = "/proc/thread-self/net/unix"; // it lists abstract names with a leading '@'

    /// <summary>
    /// The names that begin with a prefix, without the leading zero, and the user ids that made them: root's if the
    /// kernel has no unix_diag and cannot tell.
    /// </summary>
    public static IReadOnlyList<(string Name, uint Owner)> WithPrefix(string prefix)
    {
        try
        {
            return Ask(prefix);
        }
        catch (NativeException error) when (error.Number == Errno.ENOENT)
        {
            return [.. from line in File.ReadLines(Bound)
                       let at = line.IndexOf(" @" + prefix, StringComparison.Ordinal)
                       where at >= 0
                       select (line[(at + 2)..], 0u)];
        }
    }

    static List<(string Name, uint Owner)> Ask(string prefix)
    {
        using var socket = new Fd(Check.MinusOneWithErrno(
            LibC.socket(AddressFamilyNetlink, RawCloseOnExec, SockDiag), "opening a netlink socket"));
        Send(socket);
        var found = new List<(string, uint)>();
        var buffer = new byte[1 << 16];
        while (true)
        {
            for (var rest = Receive(socket, buffer); rest.Length >= Header;)
            {
                var length = MemoryMarshal.Read<int>(rest);
                var type = MemoryMarshal.Read<ushort>(rest[4..]);
                if (type == Done)
                    return found;
                if (type == Error)
                    Check.NegativeErrno(MemoryMarshal.Read<int>(rest[Header..]), Operation);
                if (Read(rest[(2 * Header)..length]) is { } one && one.Name.StartsWith(prefix, StringComparison.Ordinal))
                    found.Add(one);
                rest = rest[Math.Min(Aligned(length), rest.Length)..];
            }
        }
    }

    static void Send(Fd socket)
    {
        var message = new byte[Header + Request];
        BitConverter.TryWriteBytes(message, message.Length);
        BitConverter.TryWriteBytes(message.AsSpan(4), ByFamily);
        BitConverter.TryWriteBytes(message.AsSpan(6), RequestDump);
        message[Header] = 1; // AF_UNIX
        BitConverter.TryWriteBytes(message.AsSpan(Header + 4), uint.MaxValue); // every state
        BitConverter.TryWriteBytes(message.AsSpan(Header + 12), ShowName | ShowUid);
        fixed (byte* bytes = message)
            Check.MinusOneWithErrno((int)LibC.send(socket.Number, bytes, (nuint)message.Length, 0), Operation);
    }

    static ReadOnlySpan<byte> Receive(Fd socket, byte[] buffer)
    {
        fixed (byte* bytes = buffer)
            return buffer.AsSpan(0, Check.MinusOneWithErrno((int)LibC.recv(socket.Number, bytes, (nuint)buffer.Length, 0), Operation));
    }

    /// <summary>From the attributes of a socket; null unless it has an abstract name.</summary>
    static (string Name, uint Owner)? Read(ReadOnlySpan<byte> attributes)
    {
        string? name = null;
        uint owner = uint.MaxValue;
        while (attributes.Length >= AttributeHeader)
        {
            var length = MemoryMarshal.Read<ushort>(attributes);
            var value = attributes[AttributeHeader..length];
            switch (MemoryMarshal.Read<ushort>(attributes[2..]))
            {
                case Name when value is [0, ..]:
                    name = Encoding.UTF8.GetString(value[1..]);
                    break;
                case Uid:
                    owner = MemoryMarshal.Read<uint>(value);
                    break;
            }
            attributes = attributes[Math.Min(Aligned(length), attributes.Length)..];
        }
        return name is null ? null : (name, owner);
    }

    static int Aligned(int length) => (length + 3) & ~3;
}
