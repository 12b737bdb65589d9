using EbpfLb.Networking;

namespace EbpfLb.Health.Tunnels;

/// <summary>A classic BPF program on a socket (<c>SO_ATTACH_FILTER</c>).</summary>
/// <param name="Code">Each a <c>struct sock_filter</c>: code, jt, jf, k.</param>
sealed record PacketFilter(params (ushort Code, byte IfTrue, byte IfFalse, uint K)[] Code)
{
    const int SocketLevel = 1, AttachFilter = 26; // SOL_SOCKET, SO_ATTACH_FILTER
    const ushort LoadByte = 0x30, LoadHalf = 0x28, LoadHalfAtIndex = 0x48, LoadIpv4Length = 0xb1;
    const ushort JumpEqual = 0x15, JumpGreaterOrEqual = 0x35, JumpSet = 0x45, Return = 0x06;
    const uint Tcp = 6, FragmentOffset = 0x1fff, Whole = uint.MaxValue;

    public static readonly PacketFilter TakeNothing = new((Return, 0, 0, 0));

    /// <summary>IPv4 packets, from their IP header, with TCP to a port of the balancer's own connections.</summary>
    public static readonly PacketFilter OwnPortsIpv4 = new(
        (LoadByte, 0, 0, 9), (JumpEqual, 0, 6, Tcp),
        (LoadHalf, 0, 0, 6), (JumpSet, 4, 0, FragmentOffset),
        (LoadIpv4Length, 0, 0, 0), (LoadHalfAtIndex, 0, 0, 2), (JumpGreaterOrEqual, 0, 1, SnatPorts.Own.First),
        (Return, 0, 0, Whole), (Return, 0, 0, 0));

    /// <summary>The same of IPv6, without extension headers.</summary>
    public static readonly PacketFilter OwnPortsIpv6 = new(
        (LoadByte, 0, 0, 6), (JumpEqual, 0, 3, Tcp),
        (LoadHalf, 0, 0, 42), (JumpGreaterOrEqual, 0, 1, SnatPorts.Own.First),
        (Return, 0, 0, Whole), (Return, 0, 0, 0));

    /// <exception cref="SocketException">The kernel refused.</exception>
    public unsafe void AttachTo(Socket socket)
    {
        const int Instruction = 8, Program = 16; // sizeof struct sock_filter, struct sock_fprog
        var code = new byte[Code.Length * Instruction];
        foreach (var (at, one) in Code.Select((one, i) => (i * Instruction, one)))
        {
            BitConverter.TryWriteBytes(code.AsSpan(at), one.Code);
            (code[at + 2], code[at + 3]) = (one.IfTrue, one.IfFalse);
            BitConverter.TryWriteBytes(code.AsSpan(at + 4), one.K);
        }
        fixed (byte* start = code)
        {
            Span<byte> program = stackalloc byte[Program];
            program.Clear();
            BitConverter.TryWriteBytes(program, (ushort)Code.Length);
            BitConverter.TryWriteBytes(program[8..], (ulong)start);
            socket.SetRawSocketOption(SocketLevel, AttachFilter, program);
        }
    }
}
