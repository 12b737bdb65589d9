using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Bench.Packets;

/// <summary>Mirror of <c>struct entry_input</c>: the packet that the entry writes, and what of it differs by client.</summary>
[StructLayout(LayoutKind.Sequential)]
struct EntryInput
{
    /// <summary>The first client's port; those of the others follow it.</summary>
    public const int FirstPort = 0x4000;

    /// <summary>How many clients share an address, each with a port of its own.</summary>
    public const int PortsOfAnAddress = 0x4000;

    public Head Packet;

    /// <summary>How many clients take turns: a power of two.</summary>
    public uint Clients;
    public ushort SourceOffset;
    public ushort PortOffset;
    public ushort L3ChecksumOffset;
    public ushort L4ChecksumOffset;
#pragma warning disable IDE0051, CS0169 // Named padding.
    readonly uint _zero;
#pragma warning restore IDE0051, CS0169

    /// <summary>The input for a packet of the first client's.</summary>
    /// <param name="packet">From <see cref="FirstPort"/>, and an address whose last two bytes are zero.</param>
    /// <param name="clients">A power of two.</param>
    public static EntryInput Create(TcpPacket packet, uint clients)
    {
        var l3 = Unit.Datapath.Packets.Packet.EthernetLength;
        var l4 = l3 + packet.IpHeaderLength;
        var input = new EntryInput
        {
            Clients = clients,
            SourceOffset = (ushort)(l3 + (packet.IsIp4 ? 12 : 20)), // RFC 791, 3.1; the last word of RFC 8200's
            PortOffset = (ushort)l4,
            L3ChecksumOffset = (ushort)(packet.IsIp4 ? l3 + 10 : 0),
            L4ChecksumOffset = (ushort)(l4 + 16),
        };
        packet.ToFrame().AsSpan(0, Head.Bytes).CopyTo(MemoryMarshal.AsBytes(input.Packet[..]));
        return input;
    }

    /// <summary>Where the client of that number sends from, as <c>entry_write</c> has it.</summary>
    public static IPEndPoint Client(IPEndPoint first, uint number)
    {
        var bytes = first.Address.GetAddressBytes();
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(bytes.Length - 2), (ushort)(number / PortsOfAnAddress));
        return new(new IPAddress(bytes), FirstPort + (int)(number % PortsOfAnAddress));
    }

    /// <summary>
    /// A client behind a router of whom there can be many. XDP leaves a packet to tc whose checksum looks partial: no
    /// client of this network sends one.
    /// </summary>
    public static IPEndPoint FirstClient(AddressFamily family) => new(
        IPAddress.Parse(family == AddressFamily.InterNetwork ? "10.8.0.0" : "fd07:5a6c:f013:c4b8:92e7:2d81:a08:0"),
        FirstPort);

    /// <summary>The frame's first bytes, as words.</summary>
    [InlineArray(Words)]
    public struct Head
    {
        const int Words = 10;
        public const int Bytes = Words * sizeof(ulong);
        ulong _first;
    }
}
