namespace EbpfLb.Native;

/// <summary>
/// A netlink socket (linux/netlink.h): sends requests and receives messages, in the host's byte order. Needs no privilege.
/// Not thread-safe.
/// </summary>
/// <param name="protocol">NETLINK_*.</param>
/// <exception cref="NativeException">The kernel has no such protocol.</exception>
sealed unsafe class Netlink(int protocol, string operation) : IDisposable
{
    public const ushort Error = 2; // NLMSG_ERROR
    public const ushort Request = 0x1, Acknowledge = 0x4, Create = 0x400; // NLM_F_*
    public const int Header = 16; // struct nlmsghdr

    const ushort Done = 3, WholeTable = 0x300; // NLMSG_DONE, NLM_F_DUMP
    const int AddressFamily = 16; // AF_NETLINK
    const int RawCloseOnExec = 0x80003; // SOCK_RAW | SOCK_CLOEXEC
    const int AttributeHeader = 4; // struct nlattr

    readonly Fd _socket = new(Check.MinusOneWithErrno(
        LibC.socket(AddressFamily, RawCloseOnExec, protocol), "opening a netlink socket"));

    readonly byte[] _buffer = new byte[1 << 16];

    public void Dispose() => _socket.Dispose();

    /// <param name="flags">NLM_F_*.</param>
    /// <param name="payload">What follows the header: the family's struct, and attributes.</param>
    public void Send(ushort type, ushort flags, ReadOnlySpan<byte> payload)
    {
        var message = new byte[Header + payload.Length];
        BitConverter.TryWriteBytes(message, message.Length);
        BitConverter.TryWriteBytes(message.AsSpan(4), type);
        BitConverter.TryWriteBytes(message.AsSpan(6), flags);
        payload.CopyTo(message.AsSpan(Header));
        fixed (byte* bytes = message)
            Check.MinusOneWithErrno((int)LibC.send(_socket.Number, bytes, (nuint)message.Length, 0), operation);
    }

    /// <summary>One message with its header, or several of a dump. The next call overwrites them.</summary>
    public ReadOnlySpan<byte> Receive()
    {
        fixed (byte* bytes = _buffer)
        {
            var length = Check.MinusOneWithErrno((int)LibC.recv(_socket.Number, bytes, (nuint)_buffer.Length, 0), operation);
            return _buffer.AsSpan(0, length);
        }
    }

    /// <summary>Sends a request for a dump, and hands over each of its messages.</summary>
    /// <param name="payload">As that of <see cref="Send"/>.</param>
    /// <param name="handle">Called with each message's body.</param>
    /// <exception cref="NativeException">The kernel refused.</exception>
    public void Dump(ushort type, ReadOnlySpan<byte> payload, Action<ReadOnlySpan<byte>> handle)
    {
        Send(type, Request | WholeTable, payload);
        while (true)
        {
            for (var messages = Receive(); messages.Length >= Header;)
            {
                if (TypeOf(messages) is Done or Error)
                {
                    Check.NegativeErrno(-ErrorOf(messages), operation);
                    return;
                }
                var length = MemoryMarshal.Read<int>(messages);
                handle(messages[Header..length]);
                messages = Skip(messages, length);
            }
        }
    }

    /// <summary>The error number, positive, of a message that ends an answer; 0 for none.</summary>
    public static int ErrorOf(ReadOnlySpan<byte> message) =>
        TypeOf(message) is Done or Error ? -MemoryMarshal.Read<int>(message[Header..]) : 0;

    public static ushort TypeOf(ReadOnlySpan<byte> message) => MemoryMarshal.Read<ushort>(message[4..]);

    /// <summary>A family's struct, whose length is a multiple of four, with one attribute behind it.</summary>
    public static byte[] WithAttribute(ReadOnlySpan<byte> body, ushort type, ReadOnlySpan<byte> value)
    {
        var payload = new byte[body.Length + AttributeHeader + Aligned(value.Length)];
        body.CopyTo(payload);
        var attribute = payload.AsSpan(body.Length);
        BitConverter.TryWriteBytes(attribute, (ushort)(AttributeHeader + value.Length));
        BitConverter.TryWriteBytes(attribute[2..], type);
        value.CopyTo(attribute[AttributeHeader..]);
        return payload;
    }

    /// <summary>The value of the first attribute of a type; empty if there is none.</summary>
    public static ReadOnlySpan<byte> FindAttribute(ReadOnlySpan<byte> attributes, ushort wanted)
    {
        while (attributes.Length >= AttributeHeader)
        {
            var length = MemoryMarshal.Read<ushort>(attributes);
            if (length < AttributeHeader || length > attributes.Length)
                break;
            if (MemoryMarshal.Read<ushort>(attributes[2..]) == wanted)
                return attributes[AttributeHeader..length];
            attributes = Skip(attributes, length);
        }
        return [];
    }

    /// <summary>What follows a message or an attribute: each begins at a multiple of four bytes.</summary>
    static ReadOnlySpan<byte> Skip(ReadOnlySpan<byte> bytes, int length) => bytes[Math.Min(Aligned(length), bytes.Length)..];

    static int Aligned(int length) => (length + 3) & ~3;
}
