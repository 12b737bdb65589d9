using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Model;

/// <summary>What is to become of a packet: why, and how it leaves and to whom where it is sent on.</summary>
/// <param name="Tunnel">The outer header that it leaves behind, and the UDP source port, in mode tunnel.</param>
readonly record struct Ruling(
    LbReason Reason, Packet? Leaves = null, IPAddress? To = null, (OuterHeader Header, int Port)? Tunnel = null);

/// <summary>The program did what no rule allows.</summary>
sealed class Disagreement(string message) : Exception(message);

/// <summary>
/// The balancer as its documentation describes it. Where that leaves a choice (a backend at random, some free NAT
/// port), the model learns which the program took and holds that it was allowed.
/// </summary>
sealed class ReferenceModel
{
    readonly Dictionary<Ends, Half> _halves = [];
    readonly NatPorts _ports;
    readonly Dictionary<uint, uint[]> _slots = [];
    readonly Dictionary<uint, ulong> _turns = [];
    readonly Dictionary<(uint Service, IPAddress Client, int Port, IPEndPoint At), uint> _hashed = [];

    static readonly TimeSpan UntilGivenUp = TimeSpan.FromSeconds(3);

    public ReferenceModel(LbSettings settings) => _ports = new(settings, _halves);

    public IEnumerable<Half> Halves => _halves.Values;

    /// <summary>The ids of backends that are down.</summary>
    public HashSet<uint> Down { get; } = [];

    /// <summary>Traffic by service id, and by backend id.</summary>
    public Dictionary<uint, LbTraffic> ServiceTraffic { get; } = [];

    /// <inheritdoc cref="ServiceTraffic"/>
    public Dictionary<uint, LbTraffic> BackendTraffic { get; } = [];

    /// <summary>Live flows by backend id.</summary>
    public Dictionary<uint, long> Live { get; } = [];

    /// <summary>A service's next turns.</summary>
    public void Publish(WorldService service, uint[] slots)
    {
        _slots[service.Id] = slots;
        foreach (var key in _hashed.Keys.Where(key => key.Service == service.Id).ToArray())
            _hashed.Remove(key);
    }

    /// <summary>No packet has come for that long: what has idled out goes.</summary>
    public void Pass(TimeSpan time)
    {
        var flows = _halves.Values.Select(half => half.Flow).Distinct();
        foreach (var flow in flows.Where(flow => time > flow.IdleTimeout).ToArray())
            Remove(flow);
    }

    /// <summary>
    /// A flow's reply half is evicted, and the client's half brings it back: it has carried nothing, and of an
    /// established connection both ends have shown the same, but for their ends. False where there is no such half.
    /// </summary>
    public bool Tear(Ends fromClient)
    {
        if (_halves.GetValueOrDefault(fromClient) is not { Direction: LbDirection.ToBackend, Flow: { Service.IsDirect: false } flow })
            return false;
        (flow.Reply.Packets, flow.Reply.Bytes) = (0, 0);
        (flow.Reply.Tcp.SeqNext, flow.Reply.Tcp.Ack) = (flow.Forward.Tcp.Ack, flow.Forward.Tcp.SeqNext);
        flow.Reply.Tcp.Seen = flow.Established && flow.Forward.Seen.HasFlag(LbTcpSeen.Ack)
            ? flow.Forward.Seen & ~(LbTcpSeen.Fin | LbTcpSeen.Rst)
            : LbTcpSeen.None;
        return true;
    }

    /// <summary>A flow was opened that much earlier. False if no packet has these ends.</summary>
    public bool Age(Ends fromClient, TimeSpan by)
    {
        if (_halves.GetValueOrDefault(fromClient) is not { Direction: LbDirection.ToBackend } half)
            return false;
        half.Flow.Opened -= (long)(by.TotalSeconds * TimeProvider.System.TimestampFrequency);
        return true;
    }

    /// <summary>The numbers of a flow's direction and of the other one; null if no packet has these ends.</summary>
    public (TcpState Own, TcpState Other)? NumbersOf(Ends ends) =>
        _halves.GetValueOrDefault(ends) is { } half ? (half.Tcp, half.Other.Tcp) : null;

    /// <param name="packet">What came.</param>
    /// <param name="sent">The ends that the program sent it on with, to learn from; null where it did not.</param>
    public Ruling Receive(Packet packet, Ends? sent)
    {
        var ends = new Ends(packet.Protocol, packet.Source, packet.Destination);
        var known = _halves.GetValueOrDefault(ends);
        if (known is { Direction: LbDirection.ToClient, Flow.Ended: true } && _halves.GetValueOrDefault(known.Other.Key) != known.Other)
            return new(LbReason.PassNoService); // what is left of it is its port
        // Also before it is replaced: its reply entry stays where it is.
        if (known is not null && Establishes(known, packet))
            known.Flow.Established = true;
        if (known is not null && !IsReopenedBy(known, packet))
            return Carry(known, packet);
        if (ServiceAt(ends) is not { } service)
            return new(LbReason.PassNoService);
        if (!Opens(packet) && !(IsConsistent(service) && Resumes(packet)))
            return new(LbReason.RefuseUnknownFlow);
        return packet.Ttl <= 1 && service.IsHop ? IsLate(packet) : Open(service, ends, packet, sent, known?.Flow);
    }

    /// <summary>Whether chance decides, for a new flow, between backends of which one has no port left.</summary>
    public bool MayChooseOneWithoutPort(Packet packet)
    {
        var ends = new Ends(packet.Protocol, packet.Source, packet.Destination);
        var isNew = _halves.GetValueOrDefault(ends) is not { } known || IsReopenedBy(known, packet);
        return isNew
            && ServiceAt(ends) is { Algorithm: LbAlgorithm.Random or LbAlgorithm.LeastConnections } service
            && _slots[service.Id].Distinct().Any(id => _ports.AreTaken(ends, EndOf(Named(service, id), ends)));
    }

    Ruling Open(WorldService service, Ends ends, Packet packet, Ends? sent, Flow? replaced)
    {
        if (_slots[service.Id].Length == 0)
            return new(LbReason.RefuseNoBackend);
        // The port of one that had ended rests.
        if (replaced is { Ended: true })
            Remove(replaced.Forward);
        else if (replaced is not null)
            Remove(replaced);
        var backend = Choose(service, ends, sent);
        if (World.WayTo(backend.At.Address) is null)
            return new(LbReason.RefuseNoRoute);
        if (packet.IpLength > MtuTo(service, backend.At.Address))
            return IsTooBig(packet, MtuTo(service, backend.At.Address));
        // A backend that answers the client itself must see the client's own end, and its answers do not come by.
        if ((service.Tunnel is not null ? OuterSource(backend, ends) : service.IsDirect ? ends.Source : TakeNatEnd(ends, EndOf(backend, ends), sent)) is not { } source)
            return new(LbReason.RefuseNoPort);
        var flow = new Flow(service, backend, ends, new(ends.Protocol, source, EndOf(backend, ends)));
        _halves.Add(flow.Forward.Key, flow.Forward);
        if (!service.IsDirect)
            _halves.Add(flow.Reply.Key, flow.Reply);
        Count(flow, new LbTraffic { Flows = 1 });
        Live[backend.Id] = Live.GetValueOrDefault(backend.Id) + 1;
        return Carry(flow.Forward, packet);
    }

    Ruling Carry(Half half, Packet packet)
    {
        if (Establishes(half, packet))
            half.Flow.Established = true;
        if (packet.Ttl <= 1 && half.Flow.Service.IsHop)
            return IsLate(packet);
        if (World.WayTo(half.Rewritten.Destination.Address) is null)
            return new(LbReason.SentUnreachable, OwnError.NoRoute(packet), packet.Source.Address);
        var mtu = MtuTo(half.Flow.Service, half.Rewritten.Destination.Address);
        if (packet.IpLength > mtu)
            return IsTooBig(packet, mtu);
        half.Packets++;
        half.Bytes += (ulong)packet.IpLength;
        if (packet is TcpPacket segment)
            See(half, segment);
        var toBackend = half.Direction == LbDirection.ToBackend;
        Count(half.Flow, toBackend
            ? new LbTraffic { ToBackendPackets = 1, ToBackendBytes = (ulong)packet.IpLength }
            : new LbTraffic { ToClientPackets = 1, ToClientBytes = (ulong)packet.IpLength });
        if (half.Flow.Service.Tunnel is { } kind)
        {
            return new(LbReason.SentToBackend, packet, half.Rewritten.Destination.Address,
                (new(kind, half.Rewritten.Source.Address, half.Rewritten.Destination.Address), half.Rewritten.Source.Port));
        }
        if (half.Flow.Service.IsDirect)
            return new(LbReason.SentToBackend, packet, half.Rewritten.Destination.Address);
        return new(
            toBackend ? LbReason.SentToBackend : LbReason.SentToClient,
            packet with
            {
                Source = half.Rewritten.Source,
                Destination = half.Rewritten.Destination,
                Ttl = (byte)(packet.Ttl - 1),
            },
            half.Rewritten.Destination.Address);
    }

    static Ruling IsTooBig(Packet packet, int mtu) =>
        new(LbReason.SentTooBig, OwnError.TooBig(packet, mtu), packet.Source.Address);

    /// <summary>The largest packet of a client's that reaches a backend, with its outer header if it gets one.</summary>
    static int MtuTo(WorldService service, IPAddress backend) =>
        World.Mtu - (service.Tunnel is { } kind ? new OuterHeader(kind, backend, backend).Length : 0);

    /// <summary>The balancer's own address, and a port of the dynamic ones by the flow's hash.</summary>
    static IPEndPoint OuterSource(WorldBackend backend, Ends ends) =>
        new(World.OwnAddressTo(backend.At.Address), 0xc000 | (int)(FlowHash.Of(ends) & 0x3fff));

    static Ruling IsLate(Packet packet) =>
        new(LbReason.SentTimeExceeded, OwnError.TimeExceeded(packet), packet.Source.Address);

    /// <summary>
    /// A client shows that it is there by acknowledging the backend's SYN.
    /// Of a resumed connection, whose handshake was not seen, the backend's acknowledgment is enough. Where the backend
    /// is not seen at all, the client's segment that follows its SYN must do.
    /// </summary>
    static bool Establishes(Half half, Packet packet)
    {
        if (half.Direction != LbDirection.ToBackend)
            return false;
        if (packet is not TcpPacket segment)
            return false;
        if (half.Flow.Service.IsDirect)
        {
            return IsPlainAck(segment) && half.Seen.HasFlag(LbTcpSeen.Syn)
                && (half.Tcp.SeqNext == segment.Sequence || half.Tcp.LatestSynIsFollowedBy(segment));
        }
        const LbTcpSeen decisive = LbTcpSeen.Syn | LbTcpSeen.Ack | LbTcpSeen.Rst;
        var resumed = !half.Seen.HasFlag(LbTcpSeen.Syn) && (half.Other.Seen & decisive) == LbTcpSeen.Ack;
        return resumed || (IsPlainAck(segment) && half.Other.Seen.HasFlag(LbTcpSeen.Syn)
            && half.Other.Tcp.SeqNext == segment.Acknowledgment);
    }

    static bool IsPlainAck(TcpPacket segment) => (segment.Flags & (Tcp.Syn | Tcp.Rst | Tcp.Ack)) == Tcp.Ack;

    /// <summary>
    /// Follows a connection's state: a FIN in each direction ends it once both are acknowledged, or a reset; in modes dsr
    /// and tunnel the client's FIN.
    /// </summary>
    void See(Half half, TcpPacket segment)
    {
        var isDirect = half.Flow.Service.IsDirect;
        if (isDirect && half.Tcp.LatestSynIsFollowedBy(segment))
            Follow(half, segment);
        if (segment.Flags == Tcp.None || !half.Tcp.Accept(segment, isDirect ? null : half.Other.Tcp, half.Flow.Ended) || half.Flow.Ended)
            return;
        var isFinished = isDirect
            ? half.Seen.HasFlag(LbTcpSeen.Fin)
            : half.Tcp.IsFinished(half.Other.Tcp) && half.Other.Tcp.IsFinished(half.Tcp);
        if (!isFinished && !(half.Seen | half.Other.Seen).HasFlag(LbTcpSeen.Rst))
            return;
        End(half.Flow);
        if (!isDirect && half.Flow.Forward.Seen.HasFlag(LbTcpSeen.Ack))
            _ports.Rest(half.Flow);
    }

    /// <summary>The client of a direct flow goes on with the connection of its latest SYN.</summary>
    void Follow(Half half, TcpPacket segment)
    {
        half.Tcp.SwapSyns();
        if (!half.Flow.Ended)
            return;
        half.Flow.Ended = false;
        half.Flow.Opened = TimeProvider.System.GetTimestamp();
        half.Tcp.Seen &= ~(LbTcpSeen.Fin | LbTcpSeen.Rst);
        (half.Packets, half.Bytes) = (1, (ulong)segment.IpLength);
        Count(half.Flow, new LbTraffic { Flows = 1 });
        Live[half.Flow.Backend.Id]++;
    }

    void End(Flow flow)
    {
        flow.Ended = true;
        Live[flow.Backend.Id]--;
    }

    void Remove(Flow flow)
    {
        if (!flow.Ended)
            End(flow);
        Remove(flow.Forward);
        Remove(flow.Reply);
    }

    /// <summary>Its key may be another flow's by now.</summary>
    void Remove(Half half)
    {
        if (_halves.GetValueOrDefault(half.Key) == half)
            _halves.Remove(half.Key);
    }

    /// <summary>A service for one port before one for any, which leaves out the local stack's own.</summary>
    WorldService? ServiceAt(Ends ends) => World.ServiceAt(ends.Protocol, ends.Destination)
        ?? (_ports.IsLocal(ends.Destination.Port)
            ? null
            : World.ServiceAt(ends.Protocol, new(ends.Destination.Address, 0)));

    WorldBackend Choose(WorldService service, Ends ends, Ends? sent)
    {
        var slots = _slots[service.Id];
        return service.Algorithm switch
        {
            LbAlgorithm.RoundRobin => Named(service, slots[TakeTurn(service) % (ulong)slots.Length]),
            LbAlgorithm.SourceHash => Always((service.Id, ends.Source.Address, 0, service.At), service, ends, sent),
            LbAlgorithm.Maglev =>
                Always((service.Id, ends.Source.Address, ends.Source.Port, ends.Destination), service, ends, sent),
            _ => Learn(service, ends, sent),
        };
    }

    /// <summary>The backend that the program chose among the table's: if none, one whose ports ran out.</summary>
    WorldBackend Learn(WorldService service, Ends ends, Ends? sent)
    {
        var taking = _slots[service.Id].Distinct().Select(id => Named(service, id)).ToArray();
        return taking.FirstOrDefault(backend => sent is { } there
                ? EndOf(backend, ends).Equals(there.Destination)
                : _ports.AreTaken(ends, EndOf(backend, ends)))
            ?? taking[0];
    }

    static WorldBackend Named(WorldService service, uint id) => service.Backends.Single(backend => backend.Id == id);

    static IPEndPoint EndOf(WorldBackend backend, Ends asked) =>
        backend.At.Port == 0 ? new(backend.At.Address, asked.Destination.Port) : backend.At;

    ulong TakeTurn(WorldService service)
    {
        var turn = _turns.GetValueOrDefault(service.Id);
        _turns[service.Id] = turn + 1;
        return turn;
    }

    /// <summary>The same as the last time, while the table is the same.</summary>
    WorldBackend Always(
        (uint Service, IPAddress Client, int Port, IPEndPoint At) what, WorldService service, Ends ends, Ends? sent)
    {
        if (_hashed.TryGetValue(what, out var id))
            return Named(service, id);
        var backend = Learn(service, ends, sent);
        if (sent is not null)
            _hashed[what] = backend.Id;
        return backend;
    }

    /// <summary>The backend sees the address that the client asked, or one of its own network's.</summary>
    IPEndPoint? TakeNatEnd(Ends ends, IPEndPoint backend, Ends? sent)
    {
        var port = _ports.Choose(ends, backend, sent?.Source.Port, out var replaced);
        if (replaced is not null)
            Remove(replaced.Flow);
        return port is null ? null : new(World.SourceTo(backend.Address, ends), port.Value);
    }

    /// <summary>A packet that may open a flow.</summary>
    static bool Opens(Packet packet) =>
        packet is not TcpPacket segment || (segment.Flags & (Tcp.Syn | Tcp.Ack | Tcp.Fin | Tcp.Rst)) == Tcp.Syn;

    /// <summary>
    /// A SYN opens a new connection after one's end, or if the client gave one up whose backend is silent; of a direct
    /// one nobody knows the end. A SYN or a datagram opens a new flow if the backend is down.
    /// </summary>
    bool IsReopenedBy(Half half, Packet packet) =>
        half.Direction == LbDirection.ToBackend && Opens(packet)
        && ((packet is TcpPacket && half.Flow.Ended && !half.Flow.Service.IsDirect) || IsGivenUp(half, packet)
            || Down.Contains(half.Flow.Backend.Id));

    static bool IsGivenUp(Half half, Packet packet) =>
        packet is TcpPacket segment
        && half is { Tcp.IsSynOnly: true, Flow.Ended: false }
        && half.Tcp.SeqNext != segment.Sequence + 1
        && TimeProvider.System.GetElapsedTime(half.Flow.Opened) >= UntilGivenUp
        && !half.Other.Tcp.IsTracked;

    /// <summary>Its backends are known from the packets alone.</summary>
    static bool IsConsistent(WorldService service) =>
        service.Algorithm is LbAlgorithm.SourceHash or LbAlgorithm.Maglev;

    /// <summary>A packet in the midst of a connection.</summary>
    static bool Resumes(Packet packet) => packet is TcpPacket segment && (segment.Flags & (Tcp.Syn | Tcp.Rst)) == 0;

    void Count(Flow flow, LbTraffic traffic)
    {
        ServiceTraffic[flow.Service.Id] = ServiceTraffic.GetValueOrDefault(flow.Service.Id) + traffic;
        BackendTraffic[flow.Backend.Id] = BackendTraffic.GetValueOrDefault(flow.Backend.Id) + traffic;
    }
}
