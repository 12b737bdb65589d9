using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Flows;
using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Reconcile;
using EbpfLb.Tables;

namespace EbpfLb.Status;

/// <summary>Reads statuses from the pinned maps; needs no running process.</summary>
static class StatusReader
{
    /// <summary>All readable instances, and why others cannot be read.</summary>
    /// <param name="liveIn">Returns flows by backend id: scans the tables, or reads the datapath's counters.</param>
    public static StatusSnapshot Read(Func<LbTables, IReadOnlyDictionary<uint, int>> liveIn)
    {
        var (all, errors) = AllInstances.Read((instance, tables) =>
        {
            using (tables)
                return Create(instance, tables, liveIn(tables));
        });
        return new(all, errors) { Decapsulators = [.. Decapsulator.ReadAll().Select(Describe)] };
    }

    /// <summary>Leaves out results without packets, except <c>ipip</c> and <c>gue</c>.</summary>
    static DecapsulatorStatus Describe((string Interface, ImmutableArray<(DecapResult What, ulong Packets)> Counts) read) => new(read.Interface,
    [
        .. read.Counts.Where(count => count.What <= DecapResult.Gue || count.Packets > 0)
            .Select(count => (count.What.ToStatusString(), count.Packets)),
    ]);

    public static InstanceStatus Create(string instance, LbTables tables) => Create(instance, tables, LiveFlows.Count(tables));

    /// <param name="live">Live flows by backend id.</param>
    public static InstanceStatus Create(string instance, LbTables tables, IReadOnlyDictionary<uint, int> live)
    {
        var state = KernelState.Read(tables);
        tables.Instance.TryGet(0, out var self);
        var interfaces = ReadInterfaces(tables).ToLookup(link => link.IsPresent, link => link.Name);
        var (present, lost) = (Order(interfaces[true]), Order(interfaces[false]));
        var cgroups = CgroupPins.Read(instance).ToLookup(cgroup => cgroup.IsPresent, cgroup => cgroup.Path);
        return new()
        {
            Interface = instance,
            Interfaces = present.Length + lost.Length == 0 ? [instance] : present,
            Lost = lost,
            Down = [.. present.Where(Networking.Interfaces.IsDown)],
            TablesVersion = self.AbiVersion,
            Cgroups = [.. cgroups.SelectMany(paths => paths).Order(StringComparer.Ordinal)],
            LostCgroups = [.. cgroups[false].Order(StringComparer.Ordinal)],
            Sockets = CountSockets(tables),
            Hook = ((HookKind)self.Hook).ToConfigString(),
            Why = self.Why,
            Running = lost.Concat(present).Append(instance).Any(InstanceLock.HeldInterfaces().Contains),
            WithdrawSeconds = self.WithdrawnNs == 0 ? null : SecondsUntil(self.WithdrawnNs),
            Flows = live.Values.Sum(),
            RoomForFlows = tables.Flows.MaxEntries / 2,
            EventsLost = tables.EventsLost.SumPerCpu(0u),
            EntriesEvicted = CountBy<LbFlowTable>(table => tables.TableScans.TryGet(table, out var scan) ? scan.Evicted : 0),
            PortsTakenOver = CountBy<LbFlowTable>(table => tables.TableChanges.SumPerCpu(table).PortsTakenOver),
            RestsCutShort = tables.TableChanges.SumPerCpu(LbFlowTable.Established).RestsCutShort,
            Packets = CountBy<LbReason>(reason => tables.Reasons.SumPerCpu((uint)reason)),
            Services =
            [
                .. state.Services.GroupBy(service => service.Value.Name, service => service.Key)
                    .OrderBy(service => service.Key).Select(ids => Service(tables, state, live, ids)),
            ],
        };

        string[] Order(IEnumerable<string> names) => [.. names.OrderBy(name => name != instance).ThenBy(name => name, StringComparer.Ordinal)];
    }

    static int CountSockets(LbTables tables)
    {
        var count = 0;
        tables.Sockets.ForEach((in _, in _) => count++);
        return count;
    }

    /// <summary>The attached interfaces, each by its current name, or by its last one if it is gone.</summary>
    public static IEnumerable<(string Name, bool IsPresent)> ReadInterfaces(LbTables tables)
    {
        foreach (var index in tables.Links.Keys())
        {
            if (tables.Links.TryGet(index, out var link))
                yield return Interfaces.NameOf((int)index) is { } name ? (name, true) : (link.Name, false);
        }
    }

    /// <param name="live">Flows by backend id.</param>
    /// <param name="ids">A configured service's name with its kernel ids, one per address family.</param>
    static ServiceStatus Service(
        LbTables tables, KernelState state, IReadOnlyDictionary<uint, int> live, IGrouping<string, uint> ids)
    {
        // In mode tunnel clients of both families may have one backend.
        var backends = ids.SelectMany(state.BackendsOf).OrderBy(backend => backend.Backend.Service)
            .ThenBy(backend => backend.Id).GroupBy(backend => backend.Backend.EndPoint).ToArray();
        LbServiceKey[] keys = [.. ids.SelectMany(state.KeysOf)];
        var values = keys.Select(key => state.Keys[key]);
        return new(
            ids.Key,
            [.. keys.Select(key => key.ToString()).Order(StringComparer.Ordinal)],
            ReadMode(values),
            backends.Sum(same => same.Sum(backend => live.GetValueOrDefault(backend.Id))),
            Traffic(tables.ServiceTraffic, ids),
            [.. backends.Select(same => Backend(tables, live, [.. same.Select(backend => backend.Id)], same.First().Backend))])
        {
            NatSource = [.. values.Select(ReadNatSource).OfType<string>().Distinct().Order(StringComparer.Ordinal)],
        };
    }

    /// <summary>All address families of a service have one mode.</summary>
    static string ReadMode(IEnumerable<LbService> services) =>
        (services.Select(service => service.Mode).FirstOrDefault() switch
        {
            LbMode.Nat => ForwardingMode.Nat,
            LbMode.Dsr => ForwardingMode.Dsr,
            _ => ForwardingMode.Tunnel,
        }).ToConfigString();

    static string? ReadNatSource(LbService service) => service.NatSource switch
    {
        LbNatSource.Interface => SnatSource.Interface,
        LbNatSource.Address => service.NatAddress.ToIPAddress().ToString(),
        _ => null,
    };

    static BackendStatus Backend(LbTables tables, IReadOnlyDictionary<uint, int> live, uint[] ids, LbBackend backend) => new(
        tables.BackendLabels.TryGet(ids[0], out var label) ? label.ToString() : "",
        backend.EndPoint.ToString(),
        backend.State.ToStatusString(),
        backend.State == LbBackendState.Draining ? SecondsUntil(backend.DrainedNs) : null,
        backend.Weight,
        ids.Sum(id => live.GetValueOrDefault(id)),
        Traffic(tables.BackendTraffic, ids));

    /// <summary>0 if the deadline has passed.</summary>
    /// <param name="deadline">Nanoseconds of CLOCK_MONOTONIC.</param>
    static int SecondsUntil(ulong deadline)
    {
        var now = TimeProvider.System.MonotonicNs();
        return deadline > now ? (int)MonotonicTime.FromNs(deadline - now).TotalSeconds : 0;
    }

    static TrafficStatus Traffic(BpfMap<uint, LbTraffic> counters, IEnumerable<uint> ids)
    {
        var sum = ids.Select(id => counters.SumPerCpu(id)).Aggregate((a, b) => a + b);
        return new(sum.Flows, sum.ToBackendPackets, sum.ToBackendBytes, sum.ToClientPackets, sum.ToClientBytes);
    }

    /// <summary>Zero is left out.</summary>
    static SortedDictionary<string, ulong> CountBy<T>(Func<T, ulong> count)
        where T : struct, Enum
    {
        var counts = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        foreach (var value in Enum.GetValues<T>())
        {
            if (count(value) is > 0 and var found)
                counts[value.ToStatusString()] = found;
        }
        return counts;
    }
}
