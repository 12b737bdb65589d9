using System.Net;
using EbpfLb.Abi;
using EbpfLb.Networking;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Bench.Packets;

/// <summary>The cases of one hook and one IP version, with all that they need.</summary>
sealed class TestBed : IDisposable
{
    const int Many = Names.Many;
    const int AFew = Names.AFew;
    const uint UsualRoom = 65536;

    /// <summary>Ports as on the kernel's default sysctls. Nobody reads events here.</summary>
    static readonly LbSettings Settings = new()
    {
        NatPortMin = SnatPorts.FirstKept,
        NatPortMax = SnatPorts.LastKept,
        SubstitutePortMin = 1024,
        SubstitutePortMax = 32767,
        LocalPortMin = 32768,
        LocalPortMax = 60999,
        EventLevel = LbEventLevel.Off,
        FibLookupSrc = OperatingSystem.IsOSPlatformVersionAtLeast("Linux", 6, 7) ? 1u : 0u,
    };

    readonly Hook _hook;
    readonly Hosts _hosts;
    readonly List<IDisposable> _parts = [];

    TestBed(Hook hook, Hosts hosts) => (_hook, _hosts) = (hook, hosts);

    /// <summary>Makes each of them.</summary>
    public static IEnumerable<Func<TestBed>> All =>
        from hook in Enum.GetValues<Hook>()
        from hosts in Hosts.OfEachFamily
        select new Func<TestBed>(() => new(hook, hosts));

    public override string ToString() => Where;

    string Where => Names.Where(_hook, _hosts);

    public IEnumerable<PacketCase> Cases()
    {
        var usual = Serve(UsualRoom, services: 1, backends: 2);
        usual.Establish(AFew, backends: 2);
        yield return Floor(usual);
        yield return Known(Names.Cost(Where), Names.Existing, usual, clients: 1);
        yield return Known(Names.Cost(Where), Names.OneOfAFew, usual, AFew);
        yield return NotOurs(Names.NotOurs, usual, new(usual.Service.Address, 8080));
        yield return NotOurs(Names.NotOurAddress, usual, new(_hosts.BackendB, usual.Service.Port));
        yield return Opens(Names.Cost(Where), Names.New, Serve(UsualRoom, services: 1, backends: 2));
        yield return Establishes(Names.Cost(Where), Serve(UsualRoom, services: 1, backends: 2));
        yield return Evicts(Names.Cost(Where), Serve(UsualRoom, services: 1, backends: 64));

        var direct = Serve(UsualRoom, services: 1, backends: 2, mode: LbMode.Dsr);
        direct.Establish(AFew, backends: 2);
        yield return Known(Names.InModeDsr(Where), Names.Existing, direct, clients: 1);
        yield return Known(Names.InModeDsr(Where), Names.OneOfAFew, direct, AFew);
        yield return Opens(Names.InModeDsr(Where), Names.New, Serve(UsualRoom, services: 1, backends: 2, mode: LbMode.Dsr));
        yield return Establishes(Names.InModeDsr(Where), Serve(UsualRoom, services: 1, backends: 2, mode: LbMode.Dsr));
        yield return Evicts(Names.InModeDsr(Where), Serve(UsualRoom, services: 1, backends: 64, mode: LbMode.Dsr));

        foreach (var algorithm in Enum.GetValues<LbAlgorithm>())
            yield return Opens(Names.ByAlgorithm(Where), $"{algorithm}", Serve(UsualRoom, services: 1, backends: 2, algorithm));

        // An LRU map evicts before it is full.
        var large = Serve(Many + (Many / 4), services: 1, backends: 64);
        large.Establish(Many, backends: 64);
        yield return Known(Names.ByFlows(Where), Names.Flows(Names.AFew), usual, AFew);
        yield return Known(Names.ByFlows(Where), Names.Flows(Names.Many), large, Many);
        var memory = Keep(new MemoryLoads(Names.BytesOfMany));
        yield return new(Names.ByFlows(Where), Names.OneLoad, () => memory.Measure(Many));

        foreach (var (services, backends) in Names.Sizes)
        {
            var loaded = Serve(UsualRoom, services, backends);
            loaded.Establish(AFew, backends);
            yield return Known(Names.BySize(Where), Names.Size(services, backends), loaded, AFew);
        }
    }

    public void Dispose() => _parts.ForEach(part => part.Dispose());

    PacketCase Floor(Loaded loaded)
    {
        var entry = Enter(Tcp.Ack, loaded, clients: 1);
        return new(Names.Cost(Where), Names.Floor, () => entry.Floor(Many));
    }

    PacketCase NotOurs(string subject, Loaded loaded, IPEndPoint to) => Case(
        Names.Cost(Where), subject, Enter(Tcp.Ack, loaded, 1, to), loaded, LbReason.PassNoService, Many);

    PacketCase Known(string measure, string subject, Loaded loaded, uint clients) =>
        Case(measure, subject, Enter(Tcp.Ack, loaded, clients), loaded, LbReason.SentToBackend, Many);

    PacketCase Opens(string measure, string subject, Loaded loaded) =>
        Case(measure, subject, Enter(Tcp.Syn, loaded, AFew), loaded, LbReason.SentToBackend, AFew, loaded.Forget);

    PacketCase Establishes(string measure, Loaded loaded)
    {
        loaded.BeginHandshakes(AFew, backends: 2);
        return Case(
            measure, Names.LastOfHandshake, Enter(Tcp.Ack, loaded, AFew), loaded, LbReason.SentToBackend, AFew,
            () =>
            {
                loaded.ForgetEstablished();
                loaded.BeginHandshakes(AFew, backends: 2);
            });
    }

    PacketCase Evicts(string measure, Loaded loaded) =>
        Case(measure, Names.Evicting, Enter(Tcp.Syn, loaded, Many), loaded, LbReason.SentToBackend, Many / 4);

    static PacketCase Case(
        string measure, string subject, Entry entry, Loaded loaded, LbReason expected, int times, Action? between = null) =>
        new(measure, subject, () =>
        {
            var cost = loaded.CountingAll(subject, expected, times, () => entry.CostOf(loaded.Program, times));
            between?.Invoke();
            return cost;
        });

    Loaded Serve(
        uint maxFlows, int services, int backends, LbAlgorithm algorithm = LbAlgorithm.RoundRobin, LbMode mode = LbMode.Nat)
    {
        var loaded = Keep(new Loaded(_hook, _hosts, Settings, maxFlows, mode));
        loaded.Serve(services, backends, algorithm);
        return loaded;
    }

    Entry Enter(Tcp flags, Loaded loaded, uint clients, IPEndPoint? to = null)
    {
        var first = EntryInput.FirstClient(_hosts.Family);
        // The frame is as long as what the entry writes. The segment has no data: it stays the next one of its flow.
        var packet = new TcpPacket(first, to ?? loaded.Service, flags)
        {
            Trailer = new byte[EntryInput.Head.Bytes],
            DestinationMac = Mac.From(_hosts.Balancer),
        };
        return Keep(new Entry(_hook, packet, clients));
    }

    T Keep<T>(T part)
        where T : IDisposable
    {
        _parts.Add(part);
        return part;
    }
}
