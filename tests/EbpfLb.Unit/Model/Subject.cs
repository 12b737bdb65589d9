using System.Net;
using EbpfLb.Abi;
using EbpfLb.Datapath;
using EbpfLb.Flows;
using EbpfLb.Native;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Model;

/// <summary>The real programs in the kernel, amid the model's world.</summary>
sealed class Subject(Hook hook, KernelNeed? tcObject, LbSettings settings) : IDisposable
{
    /// <summary>Longer than any flow that packets come for is not looked after.</summary>
    static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(5);

    static readonly WorldService[] Services = [.. World.All.SelectMany(world => world.Services)];

    static readonly int ServiceIds = 1 + (int)Services.Max(service => service.Id);
    static readonly int BackendIds =
        1 + (int)Services.SelectMany(service => service.Backends).Max(backend => backend.Id);

    static readonly HashSet<IPAddress> Own = [.. World.All.SelectMany(world => world.Addresses)];

    readonly LoadedDatapath _datapath = LoadedDatapaths.Load(hook.Kind(), settings, tcObject);

    public LbSettings Settings => settings;

    LbTables Tables => _datapath.Tables;

    /// <summary>No flows, and every service's first turn is next.</summary>
    public void Empty()
    {
        foreach (var map in Tables.FlowMaps)
            map.TakeAll();
        RestingPorts.Clear(Tables);
        Tables.RoundRobinCounters.ClearFirst(ServiceIds);
        Tables.ActiveFlows.ClearFirst(BackendIds);
    }

    /// <summary>Lets all services listen.</summary>
    public void Configure()
    {
        foreach (var (place, (link, side)) in World.Links().Index())
        {
            Tables.Links.Set(side.Index, link);
            Tables.EthernetLinks.Set((uint)place, side.Mac.LayerOf(side.Index));
        }
        foreach (var service in Services)
        {
            foreach (var backend in service.Backends)
            {
                Tables.Backends.Set(backend.Id, new LbBackend
                {
                    Address = LbAddress.From(backend.At.Address),
                    Port = BigEndianPort.From((ushort)backend.At.Port),
                    Weight = 1,
                    Service = service.Id,
                });
            }
            Tables.AddressFilter.Allow(LbAddress.From(service.At.Address));
            Tables.PortFilter.Allow((TransportProtocol)service.Protocol, (ushort)service.At.Port,
                service.Backends.Select(backend => (ushort)backend.At.Port));
            Tables.Services.Set(
                new LbServiceKey
                {
                    Address = LbAddress.From(service.At.Address),
                    Port = BigEndianPort.From((ushort)service.At.Port),
                    Protocol = (TransportProtocol)service.Protocol,
                },
                new LbService(service.Id, service.Algorithm, ModeOf(service), service.NatSource)
                {
                    NatAddress = service.NatSource == LbNatSource.Address
                        ? LbAddress.From(World.All.Single(world => world.Services.Contains(service)).NatAddress) : default,
                });
        }
    }

    static LbMode ModeOf(WorldService service) => service.Tunnel switch
    {
        TunnelKind.Ipip => LbMode.TunnelIpip,
        TunnelKind.Gue => LbMode.TunnelGue,
        _ => service.IsDirect ? LbMode.Dsr : LbMode.Nat,
    };

    public void SetState(uint backend, LbBackendState state)
    {
        if (Tables.Backends.TryGet(backend, out var entry))
            Tables.Backends.Set(backend, entry with { State = state });
    }

    public void Publish(WorldService service, uint[] slots) => Tables.Slots.Publish([(service.Id, slots)]);

    /// <summary>As if no packet had come for that long, and the collector came by.</summary>
    public void Pass(TimeSpan time)
    {
        var live = new FlowGarbageCollector(Tables, new(), new Later(time), () => Own).Collect((_, _, _, _) => { });
        Tables.ActiveFlows.WriteFirst(
            [.. Enumerable.Range(0, BackendIds).Select(id => (long)live.GetValueOrDefault((uint)id))]);
    }

    /// <summary>Evicts a flow's reply half, and has the next packet find that the flow was not looked after for a while.</summary>
    public void Tear(Ends fromClient)
    {
        var key = KeyOf(fromClient);
        foreach (var map in Tables.FlowMaps)
        {
            if (!map.TryGet(key, out var forward))
                continue;
            map.Remove(forward.Rewritten.Reversed());
            map.Set(key, forward with { Seen = forward.Seen - LbFlow.SeenAt((ulong)BetweenLooks.TotalNanoseconds) });
        }
    }

    /// <summary>Has a flow opened that much earlier.</summary>
    public void Age(Ends fromClient, TimeSpan by)
    {
        var key = KeyOf(fromClient);
        foreach (var map in Tables.FlowMaps)
        {
            if (map.TryGet(key, out var forward))
                map.Set(key, forward with { OpenedNs = forward.OpenedNs - (ulong)by.TotalNanoseconds });
        }
    }

    static LbTuple KeyOf(Ends ends) => new()
    {
        Src = LbAddress.From(ends.Source.Address),
        Dst = LbAddress.From(ends.Destination.Address),
        Sport = BigEndianPort.From((ushort)ends.Source.Port),
        Dport = BigEndianPort.From((ushort)ends.Destination.Port),
        Protocol = ends.Protocol,
    };

    /// <summary>Runs the program of the hook.</summary>
    public Handling Receive(byte[] frame, Side ingress)
    {
        if (hook == Hook.Tc)
            return ReceiveOnTc(frame, ingress);
        var (code, left) = TestRun.OnXdp(_datapath.Xdp!, frame, ingress.Index);
        return new(code switch
        {
            1 => Fate.Dropped, // XDP_DROP
            2 => Fate.Passed, // XDP_PASS
            3 => Fate.SentBack, // XDP_TX
            4 => Fate.SentOn, // XDP_REDIRECT
            _ => throw new InvalidOperationException($"the XDP program returned {code}"),
        }, left);
    }

    /// <summary>Runs the tc program, which stands behind the XDP hooks too.</summary>
    public Handling ReceiveOnTc(byte[] frame, Side ingress)
    {
        var (code, left) = TestRun.OnTc(_datapath.Tc, frame, ingress.Index);
        return new(code switch
        {
            -1 => Fate.Passed, // TC_ACT_UNSPEC
            2 => Fate.Dropped, // TC_ACT_SHOT
            7 => Fate.SentOn, // TC_ACT_REDIRECT
            _ => throw new InvalidOperationException($"the tc program returned {code}"),
        }, left);
    }

    public IEnumerable<string> DescribeHalves() =>
        Tables.FlowMaps.SelectMany(map =>
        {
            var halves = new List<string>();
            map.ForEach((in key, in half) => halves.Add(Half.Describe(key, half, established: map != Tables.HalfOpen)));
            return halves;
        });

    /// <summary>Everything that is counted, by a name that says what.</summary>
    public Dictionary<string, long> Count()
    {
        var counts = new Dictionary<string, long>();
        var reasons = Tables.Reasons.ReadFirstPerCpu((int)Tables.Reasons.MaxEntries);
        foreach (var reason in Enum.GetValues<LbReason>().Where(reason => (int)reason < reasons.Length))
            counts[$"{reason}"] = reasons[(int)reason].Sum(count => (long)count);
        var ofServices = Tables.ServiceTraffic.ReadFirstPerCpu(ServiceIds);
        var ofBackends = Tables.BackendTraffic.ReadFirstPerCpu(BackendIds);
        foreach (var service in Services)
        {
            counts.AddTraffic($"service {service.Id}", Sum(ofServices[service.Id]));
            foreach (var backend in service.Backends)
                counts.AddTraffic($"backend {backend.Id}", Sum(ofBackends[backend.Id]));
        }
        return counts;
    }

    /// <summary>Live flows by backend id.</summary>
    public IEnumerable<(uint Backend, long Flows)> Live()
    {
        var flows = Tables.ActiveFlows.ReadFirst(BackendIds);
        return Services.SelectMany(service => service.Backends)
            .Where(backend => flows[backend.Id] != 0)
            .Select(backend => (backend.Id, flows[backend.Id]));
    }

    public void Dispose() => _datapath.Dispose();

    static LbTraffic Sum(LbTraffic[] values) => values.Aggregate(default(LbTraffic), (sum, value) => sum + value);

    sealed class Later(TimeSpan by) : TimeProvider
    {
        public override long GetTimestamp() => base.GetTimestamp() + (long)by.TotalNanoseconds;
    }
}

/// <summary>What a program did with a frame.</summary>
enum Fate
{
    Passed,
    Dropped,

    /// <summary>Out of the interface that it came by; XDP's only.</summary>
    SentBack,
    SentOn,
}

/// <summary>What a program did with a frame, and what it left of it.</summary>
readonly record struct Handling(Fate Fate, byte[] Left);

static class Counts
{
    public static void AddTraffic(this Dictionary<string, long> counts, string what, LbTraffic traffic)
    {
        counts[$"{what}, flows"] = (long)traffic.Flows;
        counts[$"{what}, packets to backend"] = (long)traffic.ToBackendPackets;
        counts[$"{what}, bytes to backend"] = (long)traffic.ToBackendBytes;
        counts[$"{what}, packets to client"] = (long)traffic.ToClientPackets;
        counts[$"{what}, bytes to client"] = (long)traffic.ToClientBytes;
    }
}
