using System.Net;
using System.Runtime.InteropServices;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>
/// The real programs, loaded into the kernel with tables of their own, that frames can be given to one at a time.
/// </summary>
sealed class Balancer : IDisposable
{
    readonly TestNetwork _network = TestNetwork.Shared;
    readonly Hook _hook;
    readonly DatapathKind _kind;
    readonly LoadedDatapath _datapath;
    readonly bool _ownsTables;
    readonly uint _slotTables;
    uint _services;
    uint _backends;

    Balancer(Hook hook, DatapathKind kind, bool ownsTables = false)
    {
        Capabilities.RequireDatapath();
        (_hook, _kind, _ownsTables) = (hook, kind, ownsTables);
        (_datapath, _slotTables) = LoadedDatapaths.Lend(kind);
        if (ownsTables)
        {
            TableReset.RemoveSlots(Tables, _slotTables);
            _slotTables = 0;
        }
    }

    /// <summary>SNAT has all ports from 1024 on, but for those from 61000.</summary>
    public static LbSettings Defaults => new()
    {
        NatPortMin = 1024,
        NatPortMax = 60999,
        SubstitutePortMin = 1024,
        SubstitutePortMax = 60999,
        LocalPortMin = 61000,
        LocalPortMax = 65535,
        EventLevel = LbEventLevel.Flows,
        FibLookupSrc = OperatingSystem.IsOSPlatformVersionAtLeast("Linux", 6, 7) ? 1u : 0u,
    };

    /// <summary>As on kernels before 6.7: user space has told the datapath of its links' addresses.</summary>
    public static LbSettings RoutesAreSilent => Defaults with { FibLookupSrc = 0 };

    public LbTables Tables => _datapath.Tables;

    /// <summary>SNAT has so many ports from 2000 on.</summary>
    public static LbSettings FewPorts(int count) => Defaults with
    {
        NatPortMin = 2000,
        NatPortMax = (ushort)(2000 + count - 1),
        SubstitutePortMin = 2000,
        SubstitutePortMax = (ushort)(2000 + count - 1),
    };

    /// <summary>The tc program, to be attached.</summary>
    public Fd TcProgram => _datapath.Tc;

    /// <param name="hook">Which program gets the packets.</param>
    /// <param name="settings">
    /// Null for <see cref="Defaults"/>, where a case fills the tables by this class alone. With others, and with
    /// <see cref="Defaults"/> itself, it may write what it likes: all of them are emptied afterwards.
    /// </param>
    public static Balancer On(Hook hook, LbSettings? settings = null) =>
        new(hook, new(hook.Kind(), settings ?? Defaults), ownsTables: settings is not null);

    /// <summary>On XDP as it is loaded for a driver's own hook, which hands over bare frames.</summary>
    public static Balancer OnNativeXdp() => new(Hook.Xdp, new(HookKind.XdpNative, Defaults));

    /// <summary>On tc as it is loaded on a kernel that tells how it knows a checksum.</summary>
    public static Balancer OnLookingTc()
    {
        Capabilities.RequireTold();
        return new(Hook.Tc, new(HookKind.Tc, Defaults, KernelNeed.Tc));
    }

    /// <summary>On tc as it is loaded on a kernel that does not tell.</summary>
    public static Balancer OnCompatibleTc() => new(Hook.Tc, new(HookKind.Tc, Defaults, KernelNeed.TcCompat));

    /// <summary>A TCP service whose backends take turns.</summary>
    public TestService ServeTcp(IPEndPoint at, params IPEndPoint[] backends) =>
        Serve(at, TcpPacket.ProtocolNumber, backends);

    /// <summary>A UDP service whose backends take turns.</summary>
    public TestService ServeUdp(IPEndPoint at, params IPEndPoint[] backends) =>
        Serve(at, UdpPacket.ProtocolNumber, backends);

    /// <summary>Gives a service's next turns to these backends.</summary>
    public void TakeTurns(TestService service, params (IPEndPoint Backend, int Weight)[] members) =>
        Choose(service, LbAlgorithm.RoundRobin, members);

    /// <summary>Has new flows of the service go to all its backends alike, chosen so.</summary>
    public void Choose(TestService service, LbAlgorithm algorithm) =>
        Choose(service, algorithm, [.. service.Backends.Keys.Select(backend => (backend, 1))]);

    /// <summary>Has new flows of the service go to these backends, chosen so.</summary>
    public void Choose(TestService service, LbAlgorithm algorithm, params (IPEndPoint Backend, int Weight)[] members)
    {
        foreach (var (backend, weight) in members)
            SetBackend(service, backend, weight);
        var slots = algorithm is LbAlgorithm.SourceHash or LbAlgorithm.Maglev
            ? MaglevTable.Build(members.Select(
                member => (service.Backends[member.Backend], member.Backend, member.Weight)))
            : SlotTable.Build([.. members.Select(member => (service.Backends[member.Backend], member.Weight))]);
        Tables.Slots.Publish([(service.Id, slots)]);
        SetService(service, algorithm);
    }

    /// <summary>Has the service's backends answer clients themselves; they take their turns unless told otherwise.</summary>
    public TestService ReturnDirectly(TestService service, LbAlgorithm algorithm = LbAlgorithm.RoundRobin)
    {
        Choose(service, algorithm);
        SetService(service, algorithm, LbMode.Dsr);
        return service;
    }

    /// <summary>Has clients' packets reach the service's backends in such a tunnel.</summary>
    public TestService Tunnel(TestService service, TunnelKind kind, LbAlgorithm algorithm = LbAlgorithm.RoundRobin)
    {
        Choose(service, algorithm);
        SetService(service, algorithm, kind == TunnelKind.Gue ? LbMode.TunnelGue : LbMode.TunnelIpip);
        return service;
    }

    /// <summary>Gives the program a packet that came by the LAN.</summary>
    public Outcome Receive(Packet packet) => Receive(packet, TestNetwork.Lan);

    /// <summary>Gives the program a packet that came by a link.</summary>
    public Outcome Receive(Packet packet, Link ingress) => Receive(FrameOf(packet, ingress), ingress);

    /// <summary>Gives the program a frame, as it stands.</summary>
    public Outcome Receive(byte[] frame, Link ingress) => _hook == Hook.Tc
        ? ReceiveOnTc(frame, ingress)
        : Outcome.OfXdp(ingress, frame, _network.Inside(() => TestRun.OnXdp(_datapath.Xdp!, frame, ingress.Index)));

    /// <summary>Gives a packet to the tc program, which stands behind the XDP hook too.</summary>
    public Outcome ReceiveOnTc(Packet packet) => ReceiveOnTc(FrameOf(packet, TestNetwork.Lan), TestNetwork.Lan);

    /// <summary>Gives a packet to all programs on its way, as the kernel does: what XDP passes comes to tc.</summary>
    public Outcome Deliver(Packet packet)
    {
        var outcome = Receive(packet);
        return _hook == Hook.Xdp && outcome.Verdict == Verdict.Pass
            ? ReceiveOnTc(outcome.Left, outcome.Ingress)
            : outcome;
    }

    /// <summary>As on a card that has summed the packet up (CHECKSUM_COMPLETE): the sum must be kept right.</summary>
    public Outcome ReceiveSummedOnTc(Packet packet)
    {
        var frame = FrameOf(packet, TestNetwork.Lan);
        return Outcome.OfTc(TestNetwork.Lan, frame, _network.Inside(
            () => TestRun.OnTc(_datapath.Tc, frame, TestNetwork.Lan.Index, cardSummed: true)));
    }

    /// <summary>As the stack hands over a large segment that is to be cut into such sizes on its way out.</summary>
    public Outcome ReceiveLargeOnTc(Packet packet, int segmentSize)
    {
        var frame = FrameOf(packet, TestNetwork.Lan);
        return Outcome.OfTc(TestNetwork.Lan, frame, _network.Inside(
            () => TestRun.OnTc(_datapath.Tc, frame, TestNetwork.Lan.Index, segmentSize: segmentSize)));
    }

    /// <summary>Attaches the tc program to the LAN, until the cable is put away.</summary>
    public Cable PlugIn(Hosts hosts) => _network.Inside(
        () => new Cable(_datapath.Tc, hosts == Hosts.Ip4 ? Packet.EtherTypeIp4 : Packet.EtherTypeIp6));

    /// <summary>Opens a TCP flow with a whole handshake.</summary>
    public TestFlow Establish(IPEndPoint client, TestService service)
    {
        var flow = Open(client, service);
        Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        Receive(flow.FromClient(Tcp.Ack));
        return flow;
    }

    /// <summary>Ends a connection by a FIN of its client, one of its backend, and the last acknowledgment.</summary>
    /// <param name="flow">Its client has sent nothing but its SYN.</param>
    /// <param name="sent">How many bytes its backend has sent.</param>
    public void Close(TestFlow flow, uint sent = 0)
    {
        var (client, backend) = (flow.FromClient(Tcp.Fin | Tcp.Ack), flow.FromBackend(Tcp.Fin | Tcp.Ack));
        Receive(client with { Acknowledgment = client.Acknowledgment + sent });
        Receive(backend with { Sequence = backend.Sequence + sent, Acknowledgment = client.Sequence + 1 });
        Receive(client with { Flags = Tcp.Ack, Sequence = client.Sequence + 1, Acknowledgment = backend.Sequence + sent + 1 });
    }

    /// <summary>Opens a TCP flow with a SYN and says where it went.</summary>
    public TestFlow Open(IPEndPoint client, TestService service) => TestFlow.From(
        Receive(service.Protocol == TcpPacket.ProtocolNumber
            ? new TcpPacket(client, service.At, Tcp.Syn)
            : new UdpPacket(client, service.At)));

    /// <summary>Packets by reason, of all processors; reasons that none had are left out.</summary>
    public Dictionary<LbReason, ulong> Reasons() => Enum.GetValues<LbReason>()
        .Select(reason => (reason, count: Tables.Reasons.SumPerCpu((uint)reason)))
        .Where(entry => entry.count != 0)
        .ToDictionary(entry => entry.reason, entry => entry.count);

    /// <summary>These reasons have been counted, and no others.</summary>
    public void HasCounted(params (LbReason Reason, ulong Packets)[] expected) => Assert.Equal(
        expected.OrderBy(entry => entry.Reason),
        Reasons().Select(entry => (entry.Key, entry.Value)).OrderBy(entry => entry.Key));

    /// <summary>So many packets were delivered and refused for a reason: on XDP, by the tc program behind it.</summary>
    public void HasRefused(ulong packets, LbReason reason)
    {
        var reasons = Reasons();
        Assert.Equal(packets, reasons.GetValueOrDefault(reason));
        Assert.Equal(_hook == Hook.Xdp ? packets : 0, reasons.GetValueOrDefault(LbReason.PassToTc));
    }

    /// <summary>A new client is refused: an event says why, and no flow is opened.</summary>
    public void RefusesClient(Hosts hosts, LbReason reason)
    {
        Deliver(Some.Syn(hosts)).IsPassedUntouched();
        HasRefused(1, reason);
        Assert.Equal(reason, Assert.Single(ReadEvents()).Reason);
        HasNoFlow();
    }

    /// <summary>The backend accepts the connection, and the client gets that from the service.</summary>
    /// <param name="by">The link that the answer comes by; the clients' if it is left out.</param>
    public void ForwardsAnswer(TestFlow flow, Link? by = null)
    {
        var answer = flow.FromBackend(Tcp.Syn | Tcp.Ack);
        Receive(answer, by ?? TestNetwork.Lan).LeavesAs(flow.AtClient(answer));
    }

    /// <summary>Data of either side reaches the other.</summary>
    public void ForwardsBothWays(TestFlow flow)
    {
        var (data, answer) = (flow.FromClient(Tcp.Ack), flow.FromBackend(Tcp.Ack));
        Receive(data).LeavesAs(flow.AtBackend(data));
        Receive(answer).LeavesAs(flow.AtClient(answer));
    }

    /// <summary>A flow that is in the table is not looked up: its packets pass untouched.</summary>
    public void FiltersOut(TestFlow stranger)
    {
        Tables.Flows.Set(stranger.ClientKey, new() { Rewritten = stranger.ClientKey, Packets = 1 });

        Receive(stranger.FromClient(Tcp.Ack)).IsPassedUntouched();

        HasCounted((LbReason.PassNoService, 1));
    }

    /// <summary>Removes every service; their flows stay.</summary>
    public void RemoveServices()
    {
        foreach (var key in Tables.Services.Keys())
            Tables.Services.Remove(key);
    }

    /// <summary>Tells the datapath that a link has no address of the hosts' family.</summary>
    public void TakeAddress(Link link, Hosts hosts) => Tables.Links.Set(
        link.Index, hosts == Hosts.Ip4 ? link.InTables with { Ip4 = default } : link.InTables with { Ip6 = default });

    public LbTraffic TrafficOf(TestService service) => Tables.ServiceTraffic.SumPerCpu(service.Id);

    public LbTraffic TrafficOf(TestService service, IPEndPoint backend) =>
        Tables.BackendTraffic.SumPerCpu(service.Backends[backend]);

    /// <summary>How many flows to the backend the datapath takes for live.</summary>
    public long LiveFlowsOf(TestService service, IPEndPoint backend) =>
        Tables.ActiveFlows.TryGet(service.Backends[backend], out var live) ? live : 0;

    public ulong EventsSuppressed(LbEventType type) => Tables.EventsSuppressed.SumPerCpu((uint)type);

    public ulong EventsLost() => Tables.EventsLost.SumPerCpu(0u);

    /// <summary>No flow has been opened.</summary>
    public void HasNoFlow() => Assert.Empty(Tables.FlowMaps.SelectMany(map => map.Keys()));

    /// <summary>The half of a flow whose packets arrive with this tuple, wherever it stands.</summary>
    public LbFlow HalfOf(LbTuple tuple)
    {
        foreach (var map in Tables.FlowMaps)
        {
            if (map.TryGet(tuple, out var half))
                return half;
        }
        throw new KeyNotFoundException($"there is no flow {tuple}");
    }

    /// <summary>The key of the half that leads back to the client.</summary>
    public LbTuple ReplyKeyOf(TestFlow flow) => Tables.FlowMaps.SelectMany(map => map.Keys())
        .Single(key => key.Source.Equals(flow.Backend) && key.Destination.Equals(flow.Nat));

    /// <summary>As if no packet had come for that long.</summary>
    public void Pass(TimeSpan time)
    {
        var nanoseconds = (ulong)time.TotalNanoseconds;
        FragmentTable.Age(Tables, time);
        RestingPorts.Age(Tables, time);
        foreach (var map in Tables.FlowMaps)
        {
            foreach (var key in map.Keys())
            {
                var half = HalfOf(key);
                half.OpenedNs -= nanoseconds;
                half.Seen -= LbFlow.SeenAt(nanoseconds);
                map.Set(key, half);
            }
        }
    }

    /// <summary>Takes what is in the ring buffer.</summary>
    public List<LbEvent> ReadEvents()
    {
        var events = new List<LbEvent>();
        using var ring = new RingBuffer(Tables.Events, sample => events.Add(MemoryMarshal.Read<LbEvent>(sample)));
        ring.Drain();
        return events;
    }

    public void Dispose()
    {
        if (!_ownsTables)
        {
            // Labels that stay in pooled tables make the next case fail.
            Assert.True(TableReset.HasNoLabels(Tables), "A case with a reconciler of its own gives its settings: Balancer.On(hook, Balancer.Defaults)");
            TableReset.Empty(Tables, _services, _backends);
        }
        else if (!TableReset.TryEmptyAll(Tables))
        {
            _datapath.Dispose();
            return;
        }
        LoadedDatapaths.TakeBack(_kind, _datapath, _ownsTables ? 0 : Math.Max(_slotTables, _services));
    }

    /// <summary>The frame is for the interface that it comes by, unless the packet says otherwise.</summary>
    static byte[] FrameOf(Packet packet, Link ingress) =>
        (packet with { DestinationMac = packet.DestinationMac ?? ingress.Mac }).ToFrame();

    Outcome ReceiveOnTc(byte[] frame, Link ingress) =>
        Outcome.OfTc(ingress, frame, _network.Inside(() => TestRun.OnTc(_datapath.Tc, frame, ingress.Index)));

    /// <summary>Sets a backend's state, as a health check does: round robin goes by those that are not down.</summary>
    public void SetState(TestService service, IPEndPoint backend, LbBackendState state)
    {
        Assert.True(Tables.Backends.TryGet(service.Backends[backend], out var entry));
        Tables.Backends.Set(service.Backends[backend], entry with { State = state });
        Tables.Slots.Publish([(service.Id, SlotTable.Build([.. service.Backends.Values
            .Select(id => (id, Tables.Backends.TryGet(id, out var one) && one.State != LbBackendState.Down ? 1 : 0))]))]);
    }

    /// <summary>Has packets to backends sent from an address of the interface's, or from a given one.</summary>
    public void SendFrom(TestService service, LbNatSource source, IPAddress? address = null)
    {
        Assert.True(Tables.Services.TryGet(KeyOf(service), out var entry));
        Tables.Services.Set(
            KeyOf(service), entry with { NatSource = source, NatAddress = address is null ? default : LbAddress.From(address) });
    }

    TestService Serve(IPEndPoint at, byte protocol, IPEndPoint[] backends)
    {
        var service = new TestService(
            _services++, at, protocol, backends.ToDictionary(backend => backend, _ => _backends++));
        if (backends.Length != 0)
            Choose(service, LbAlgorithm.RoundRobin);
        else
        {
            Tables.Slots.Remove(service.Id);
            SetService(service, LbAlgorithm.RoundRobin);
        }
        return service;
    }

    void SetService(TestService service, LbAlgorithm algorithm, LbMode mode = LbMode.Nat)
    {
        Tables.AddressFilter.Allow(LbAddress.From(service.At.Address));
        Tables.PortFilter.Allow((TransportProtocol)service.Protocol, (ushort)service.At.Port,
            service.Backends.Keys.Select(backend => (ushort)backend.Port));
        Tables.Services.Set(KeyOf(service), new LbService(service.Id, algorithm, mode));
    }

    static LbServiceKey KeyOf(TestService service) => new()
    {
        Address = LbAddress.From(service.At.Address),
        Port = BigEndianPort.From((ushort)service.At.Port),
        Protocol = (TransportProtocol)service.Protocol,
    };

    void SetBackend(TestService service, IPEndPoint backend, int weight) => Tables.Backends.Set(
        service.Backends[backend],
        new LbBackend
        {
            Address = LbAddress.From(backend.Address),
            Port = BigEndianPort.From((ushort)backend.Port),
            Weight = (ushort)weight,
            Service = service.Id,
        });
}
