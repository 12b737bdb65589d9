using System.Diagnostics;
using System.Net;
using EbpfLb.Abi;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Bench.Packets;

/// <summary>The datapath as users load it, with services, backends and flows written to its tables.</summary>
sealed class Loaded : IDisposable
{
    readonly LoadedDatapath _datapath;
    readonly Hook _hook;
    readonly Hosts _hosts;
    readonly LbMode _mode;

    /// <param name="hook">Which program is measured.</param>
    /// <param name="hosts">Who is on the network.</param>
    /// <param name="settings">Constants of the programs.</param>
    /// <param name="maxFlows">How many established flows there is room for.</param>
    /// <param name="mode">Of the services and flows: nat or dsr.</param>
    public Loaded(Hook hook, Hosts hosts, LbSettings settings, uint maxFlows, LbMode mode)
    {
        _hook = hook;
        _hosts = hosts;
        _mode = mode;
        _datapath = LoadedDatapath.Load(hook.Kind(), settings, new(maxFlows));
        foreach (var (place, link) in new[] { TestNetwork.Lan, TestNetwork.Far }.Index())
        {
            Tables.Links.Set(link.Index, link.InTables);
            Tables.EthernetLinks.Set((uint)place, link.LayerInTables);
        }
    }

    public LbTables Tables => _datapath.Tables;

    public Fd Program => _hook == Hook.Tc ? _datapath.Tc : _datapath.Xdp!;

    /// <summary>Where the first service listens.</summary>
    public IPEndPoint Service => ServiceAt(0);

    /// <summary>Makes services, of which each has the same number of backends, on ports of their own.</summary>
    public void Serve(int services, int backends, LbAlgorithm algorithm)
    {
        for (var service = 0u; service < services; service++)
        {
            var first = service * (uint)backends;
            Tables.AddressFilter.Allow(KeyOf(ServiceAt((int)service)).Address);
            Tables.PortFilter.Allow(TransportProtocol.Tcp, (ushort)ServiceAt((int)service).Port,
                Enumerable.Range(0, backends).Select(number => (ushort)BackendAt(number).Port));
            Tables.Services.Set(KeyOf(ServiceAt((int)service)), new LbService(service, algorithm, _mode));
            var members = Enumerable.Range(0, backends)
                .Select(number => (Id: first + (uint)number, At: BackendAt(number), Weight: 1)).ToArray();
            foreach (var (id, at, weight) in members)
                Tables.Backends.Set(id, new LbBackend
                {
                    Address = LbAddress.From(at.Address),
                    Port = BigEndianPort.From((ushort)at.Port),
                    Weight = (ushort)weight,
                    Service = service,
                });
            var slots = algorithm is LbAlgorithm.SourceHash or LbAlgorithm.Maglev
                ? MaglevTable.Build(members)
                : SlotTable.Build([.. members.Select(member => (member.Id, member.Weight))]);
            Tables.Slots.Publish([(service, slots)]);
        }
    }

    /// <summary>
    /// Establishes a flow of the first service for each client, from the client's own port, as it is where that is free.
    /// </summary>
    /// <param name="clients">How many.</param>
    /// <param name="backends">Of the service: no fewer than the clients have addresses.</param>
    public void Establish(uint clients, int backends)
    {
        // As after many packets, and the next one is in sequence: others are carried otherwise.
        var next = new TcpPacket(Service, Service, Tcp.Ack);
        var flow = NewFlow() with
        {
            Packets = 100,
            TcpSeen = LbTcpSeen.Syn | LbTcpSeen.Ack,
            SeqNext = next.Sequence,
            Ack = next.Acknowledgment,
        };
        Add(Tables.Flows, clients, backends, flow, flow);
    }

    /// <summary>Does the same with flows whose client and backend have sent their SYN.</summary>
    public void BeginHandshakes(uint clients, int backends)
    {
        var acknowledged = new TcpPacket(Service, Service, Tcp.Ack);
        var flow = NewFlow() with { Packets = 1, TcpSeen = LbTcpSeen.Syn, SeqNext = acknowledged.Sequence };
        Add(Tables.HalfOpen, clients, backends, flow, flow with { SeqNext = acknowledged.Acknowledgment });
    }

    LbFlow NewFlow()
    {
        var now = (ulong)Stopwatch.GetTimestamp();
        return new() { OpenedNs = now, Seen = LbFlow.SeenAt(now), Mode = _mode };
    }

    void Add(BpfMap<LbTuple, LbFlow> map, uint clients, int backends, LbFlow toBackend, LbFlow toClient)
    {
        for (var client = 0u; client < clients; client++)
        {
            var from = EntryInput.Client(EntryInput.FirstClient(_hosts.Family), client);
            // What spreads them must not give two clients of one port to one backend.
            var backend = ((client / EntryInput.PortsOfAnAddress) + client) % (uint)backends;
            var forward = TupleOf(from, Service);
            if (_mode == LbMode.Dsr)
            {
                var direct = TupleOf(from, new(BackendAt((int)backend).Address, Service.Port));
                map.Set(forward, toBackend with { Backend = (ushort)backend, Rewritten = direct });
                continue;
            }
            var nat = new IPEndPoint(Service.Address, from.Port);
            var reply = TupleOf(BackendAt((int)backend), nat);
            map.Set(forward, toBackend with { Backend = (ushort)backend, Rewritten = reply.Reversed() });
            map.Set(reply, toClient with
            {
                Backend = (ushort)backend,
                Rewritten = forward.Reversed(),
                Direction = LbDirection.ToClient,
            });
        }
    }

    /// <summary>Forgets the flows that are opening.</summary>
    public void Forget() => Tables.HalfOpen.ForEach((in key, in _) => Tables.HalfOpen.Remove(key));

    /// <summary>Forgets those that are established.</summary>
    public void ForgetEstablished() => Tables.Flows.ForEach((in key, in _) => Tables.Flows.Remove(key));

    /// <summary>Has so many packets measured, which all must be counted under one reason.</summary>
    /// <exception cref="InvalidOperationException">They did not go where they were meant to.</exception>
    public double CountingAll(string subject, LbReason reason, int packets, Func<double> measure)
    {
        var before = Counts();
        var cost = measure();
        var counted = Counts().Zip(before, (now, then) => (now.Reason, Count: now.Count - then.Count)).Where(one => one.Count > 0).ToArray();
        return counted is [var only] && only == (reason, (ulong)packets)
            ? cost
            : throw new InvalidOperationException(
                $"of {packets} packets {subject} {string.Join(", ", counted.Select(one => $"{one.Count} were {one.Reason}"))}, not all {reason}: "
                + "a cost of others says nothing");
    }

    public void Dispose() => _datapath.Dispose();

    (LbReason Reason, ulong Count)[] Counts() =>
        [.. Enum.GetValues<LbReason>().Select(reason => (reason, Tables.Reasons.SumPerCpu((uint)reason)))];

    IPEndPoint ServiceAt(int number) => new(_hosts.Balancer, 80 + number);

    /// <summary>Backends beyond the first two have other ports at their addresses, so that the kernel knows the way to each.</summary>
    IPEndPoint BackendAt(int number)
    {
        IPAddress[] addresses = [_hosts.BackendA, _hosts.BackendB];
        return new(addresses[number % addresses.Length], 80 + (number / addresses.Length));
    }

    static LbServiceKey KeyOf(IPEndPoint at) => new()
    {
        Address = LbAddress.From(at.Address),
        Port = BigEndianPort.From((ushort)at.Port),
        Protocol = TransportProtocol.Tcp,
    };

    static LbTuple TupleOf(IPEndPoint from, IPEndPoint to) => new()
    {
        Src = LbAddress.From(from.Address),
        Dst = LbAddress.From(to.Address),
        Sport = BigEndianPort.From((ushort)from.Port),
        Dport = BigEndianPort.From((ushort)to.Port),
        Protocol = TcpPacket.ProtocolNumber,
    };
}
