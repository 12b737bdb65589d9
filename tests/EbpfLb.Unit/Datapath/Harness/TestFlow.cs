using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>
/// A flow that the balancer has opened: its client and the service it asked, the balancer's NAT end towards the
/// backend, and the backend.
/// </summary>
sealed record TestFlow(IPEndPoint Client, IPEndPoint Service, IPEndPoint Nat, IPEndPoint Backend)
{
    /// <summary>What the client's half of a TCP flow stands under.</summary>
    public LbTuple ClientKey => KeyOf(Client, Service);

    /// <summary>What its backend's half stands under.</summary>
    public LbTuple ReplyKey => KeyOf(Backend, Nat);

    /// <summary>Reads from the first packet where the flow leads; fails when it was not sent on.</summary>
    public static TestFlow From(Outcome first)
    {
        Assert.True(first.Verdict is Verdict.Transmit or Verdict.Redirect, $"not sent on but {first.Verdict}");
        var came = new Frame(first.Came);
        var left = new Frame(first.Left);
        return new(came.Source, came.Destination, left.Source, left.Destination);
    }

    static LbTuple KeyOf(IPEndPoint from, IPEndPoint to) => new()
    {
        Src = LbAddress.From(from.Address),
        Dst = LbAddress.From(to.Address),
        Sport = BigEndianPort.From((ushort)from.Port),
        Dport = BigEndianPort.From((ushort)to.Port),
        Protocol = TcpPacket.ProtocolNumber,
    };

    public TcpPacket FromClient(Tcp flags) => new(Client, Service, flags);

    public TcpPacket FromBackend(Tcp flags) => new(Backend, Nat, flags);

    /// <summary>What a packet from the client's side is by the time it reaches the backend.</summary>
    public Packet AtBackend(Packet packet) => Translate(packet, Nat, Backend);

    /// <summary>What a packet from the backend's side is by the time it reaches the client.</summary>
    public Packet AtClient(Packet packet) => Translate(packet, Service, Client);

    /// <summary>An error has no ports; it quotes what its receiver sent, on the way that the error comes back.</summary>
    static Packet Translate(Packet packet, IPEndPoint from, IPEndPoint to)
    {
        var ttl = (byte)(packet.Ttl - 1);
        return packet is IcmpError error
            ? error with
            {
                Source = from.Address.Port(0),
                Destination = to.Address.Port(0),
                Ttl = ttl,
                Quoted = error.Quoted with { Source = to, Destination = from },
            }
            : packet with { Source = from, Destination = to, Ttl = ttl };
    }
}
