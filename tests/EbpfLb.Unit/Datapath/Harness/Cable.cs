using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>
/// The far end of the cable in the LAN interface, to which a tc program is attached: the kernel's own way for a packet, on
/// which it notes what hardware has yet to sum up (CHECKSUM_PARTIAL).
/// </summary>
sealed class Cable : IDisposable
{
    const SocketOptionLevel SolPacket = (SocketOptionLevel)263;
    const int PacketVnetHeader = 15; // PACKET_VNET_HDR (linux/if_packet.h)
    const int VnetHeaderLength = 10; // struct virtio_net_hdr (linux/virtio_net.h)
    const byte NeedsChecksum = 1; // VIRTIO_NET_HDR_F_NEEDS_CSUM

    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    readonly Socket _socket;
    readonly IAttachment _attachment;

    /// <summary>To be made inside the test network.</summary>
    /// <param name="program">The tc program.</param>
    /// <param name="etherType">Of the packets that will be sent and are expected.</param>
    public Cable(Fd program, ushort etherType)
    {
        _socket = new(AddressFamily.Packet, SocketType.Raw, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)Patience.TotalMilliseconds,
        };
        _socket.SetRawSocketOption((int)SolPacket, PacketVnetHeader, BitConverter.GetBytes(1));
        _socket.Bind(new LinkEndPoint($"{TestNetwork.Lan.Name}-end", etherType));
        var lan = NetworkDevice.Find(TestNetwork.Lan.Name);
        _attachment = (IAttachment?)LinkAttachment.TryTcx(program, lan) ?? ClsactAttachment.Attach(program, lan);
    }

    /// <summary>Sends a frame, and says what the program sent back.</summary>
    /// <param name="frame">As it stands.</param>
    /// <param name="start">From where on hardware is to sum it up.</param>
    /// <param name="offset">Where, from there, the sum belongs.</param>
    public Outcome Send(byte[] frame, int start, int offset)
    {
        var sent = new byte[VnetHeaderLength + frame.Length];
        sent[0] = NeedsChecksum;
        BitConverter.TryWriteBytes(sent.AsSpan(6), (ushort)start);
        BitConverter.TryWriteBytes(sent.AsSpan(8), (ushort)offset);
        frame.CopyTo(sent, VnetHeaderLength);
        _socket.Send(sent);

        var came = new byte[ushort.MaxValue];
        int length;
        do
            length = _socket.Receive(came);
        while (length != sent.Length); // the test network's own IPv6 speaks here as well
        Assert.Equal(NeedsChecksum, came[0] & NeedsChecksum);
        return new(Hook.Tc, TestNetwork.Lan, frame, Verdict.Redirect, came[VnetHeaderLength..length]);
    }

    /// <summary>Sends a frame whose sums are all there, and waits for no answer.</summary>
    public void Send(byte[] frame) => _socket.Send([.. new byte[VnetHeaderLength], .. frame]);

    public void Dispose()
    {
        _attachment.Detach();
        _attachment.Dispose();
        _socket.Dispose();
    }

    /// <summary>An interface, and a kind of frame (struct sockaddr_ll).</summary>
    sealed class LinkEndPoint(string name, ushort etherType) : EndPoint
    {
        public override AddressFamily AddressFamily => AddressFamily.Packet;

        public override SocketAddress Serialize()
        {
            var address = new SocketAddress(AddressFamily.Packet, 20);
            BinaryPrimitives.WriteUInt16BigEndian(address.Buffer.Span[2..], etherType);
            BitConverter.TryWriteBytes(address.Buffer.Span[4..], LibC.if_nametoindex(name));
            return address;
        }
    }
}
