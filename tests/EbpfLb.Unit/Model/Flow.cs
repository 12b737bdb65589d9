using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Model;

/// <summary>The five values that name a flow in one direction.</summary>
readonly record struct Ends(byte Protocol, IPEndPoint Source, IPEndPoint Destination)
{
    public Ends Reversed => new(Protocol, Destination, Source);

    public override string ToString() => $"{(Protocol == 6 ? "tcp" : "udp")} {Source} > {Destination}";
}

/// <summary>A flow of the model's: its two directions live and die together; a direct one has the client's alone.</summary>
sealed class Flow
{
    public Flow(WorldService service, WorldBackend backend, Ends fromClient, Ends toBackend)
    {
        Service = service;
        Backend = backend;
        Forward = new(this, LbDirection.ToBackend, fromClient, toBackend);
        Reply = new(this, LbDirection.ToClient, toBackend.Reversed, fromClient.Reversed);
        Established = service.Protocol == UdpPacket.ProtocolNumber;
    }

    public WorldService Service { get; }
    public WorldBackend Backend { get; }
    public Half Forward { get; }
    public Half Reply { get; }

    /// <summary>Both endpoints have shown that they are real. A UDP flow is in its own table from the first packet on.</summary>
    public bool Established { get; set; }

    /// <summary>A FIN each that is acknowledged, or a reset; of a direct one the client's FIN.</summary>
    public bool Ended { get; set; }

    /// <summary>As <see cref="TimeProvider.GetTimestamp"/> tells it.</summary>
    public long Opened { get; set; } = TimeProvider.System.GetTimestamp();

    /// <summary>Of the longer lasting direction.</summary>
    public TimeSpan IdleTimeout => Service.IsDirect ? Forward.IdleTimeout : new[] { Forward.IdleTimeout, Reply.IdleTimeout }.Max();
}

/// <summary>One direction of a flow.</summary>
sealed class Half(Flow flow, LbDirection direction, Ends key, Ends rewritten)
{
    const LbTcpSeen Anything = LbTcpSeen.Syn | LbTcpSeen.Ack | LbTcpSeen.Fin | LbTcpSeen.Rst;

    public Flow Flow => flow;
    public LbDirection Direction => direction;

    /// <summary>What packets arrive with.</summary>
    public Ends Key => key;

    /// <summary>What they leave with.</summary>
    public Ends Rewritten => rewritten;

    public Half Other => ReferenceEquals(this, flow.Forward) ? flow.Reply : flow.Forward;
    public ulong Packets { get; set; }
    public ulong Bytes { get; set; }
    public LbTcpSeen Seen => Tcp.Seen;
    public TcpState Tcp { get; } = new(direction);

    public TimeSpan IdleTimeout => (key.Protocol, flow.Ended, Seen.HasFlag(LbTcpSeen.Ack)) switch
    {
        (17, _, _) => TimeSpan.FromSeconds(60),
        (_, true, _) when flow.Service.IsDirect && !Seen.HasFlag(LbTcpSeen.Rst) => TimeSpan.FromSeconds(130),
        (_, false, _) when (Seen & Other.Seen).HasFlag(LbTcpSeen.Fin) => TimeSpan.FromSeconds(130),
        (_, true, _) => TimeSpan.FromSeconds(10),
        (_, _, true) => TimeSpan.FromMinutes(135),
        _ => TimeSpan.FromSeconds(31),
    };

    /// <summary>All that the kernel's half has to agree with.</summary>
    public string Describe() => Describe(
        key, rewritten, flow.Service.Id, flow.Backend.Id, direction, flow.Established, Packets, Bytes, Seen,
        flow.Ended);

    /// <inheritdoc cref="Describe()"/>
    public static string Describe(LbTuple key, LbFlow half, bool established) => Describe(
        EndsOf(key), EndsOf(half.Rewritten), half.Service, half.Backend, half.Direction, established, half.Packets,
        half.Bytes, half.TcpSeen & Anything, half.TcpSeen.HasFlag(LbTcpSeen.End));

    static string Describe(
        Ends key, Ends rewritten, uint service, uint backend, LbDirection direction, bool established, ulong packets,
        ulong bytes, LbTcpSeen seen, bool ended) =>
        $"{key} => {rewritten}, service {service}, backend {backend}, {direction}, "
        + $"{(established ? "established" : "opening")}, {packets} packets of {bytes} bytes, seen {seen}"
        + (ended ? ", ended" : "");

    static Ends EndsOf(LbTuple tuple) => new(tuple.Protocol, tuple.Source, tuple.Destination);
}
