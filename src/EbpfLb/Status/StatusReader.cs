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
            .Select(count => (ReasonNames.ToStatusString(count.What), count.Packets)),
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
            EventsLost = tables.EventsLost.SumPerCpu(0),
            EntriesEvicted = ByTable(table => tables.TableScans.TryGet(table, out var scan) ? scan.Evicted : 0),
            PortsTakenOver = ByTable(table => SumChanges(tables, table, changes => changes.PortsTakenOver)),
            RestsCutShort = SumChanges(tables, LbFlowTable.Established, changes => changes.RestsCutShort),
            Packets = Reasons(tables),
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
        return new(
            ids.Key,
            [.. ids.SelectMany(state.KeysOf).Select(key => key.ToString()).Order(StringComparer.Ordinal)],
            ReadMode(ids.SelectMany(state.KeysOf).Select(key => state.Keys[key])),
            backends.Sum(same => same.Sum(backend => live.GetValueOrDefault(backend.Id))),
            Traffic([.. ids.SelectMany(id => tables.ServiceTraffic.GetPerCpu(id))]),
            [.. backends.Select(same => Backend(tables, live, [.. same.Select(backend => backend.Id)], same.First().Backend))]);
    }

    /// <summary>All address families of a service have one mode.</summary>
    static string ReadMode(IEnumerable<LbService> services) =>
        (services.Select(service => service.Mode).FirstOrDefault() switch
        {
            LbMode.Nat => ForwardingMode.Nat,
            LbMode.Dsr => ForwardingMode.Dsr,
            _ => ForwardingMode.Tunnel,
        }).ToConfigString();

    static BackendStatus Backend(LbTables tables, IReadOnlyDictionary<uint, int> live, uint[] ids, LbBackend backend) => new(
        tables.BackendLabels.TryGet(ids[0], out var label) ? label.ToString() : "",
        backend.EndPoint.ToString(),
        backend.State.ToStatusString(),
        backend.State == LbBackendState.Draining ? SecondsUntil(backend.DrainedNs) : null,
        backend.Weight,
        ids.Sum(id => live.GetValueOrDefault(id)),
        Traffic([.. ids.SelectMany(tables.BackendTraffic.GetPerCpu)]));

    /// <summary>0 if the deadline has passed.</summary>
    /// <param name="deadline">Nanoseconds of CLOCK_MONOTONIC.</param>
    static int SecondsUntil(ulong deadline)
    {
        var now = (ulong)TimeProvider.System.GetTimestamp();
        return deadline > now ? (int)TimeSpan.FromTicks((long)((deadline - now) / TimeSpan.NanosecondsPerTick)).TotalSeconds : 0;
    }

    static TrafficStatus Traffic(LbTraffic[] perCpu)
    {
        var sum = perCpu.Aggregate((a, b) => a + b);
        return new(sum.Flows, sum.ToBackendPackets, sum.ToBackendBytes, sum.ToClientPackets, sum.ToClientBytes);
    }

    static ulong SumChanges(LbTables tables, LbFlowTable table, Func<LbTableChanges, ulong> count) =>
        tables.TableChanges.GetPerCpu(table).Aggregate(0ul, (sum, changes) => sum + count(changes));

    /// <summary>Tables without a count are left out.</summary>
    static SortedDictionary<string, ulong> ByTable(Func<LbFlowTable, ulong> count)
    {
        var counts = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        foreach (var table in Enum.GetValues<LbFlowTable>())
        {
            if (count(table) is > 0 and var found)
                counts[ReasonNames.ToStatusString(table)] = found;
        }
        return counts;
    }

    static SortedDictionary<string, ulong> Reasons(LbTables tables)
    {
        var counts = new SortedDictionary<string, ulong>();
        foreach (var reason in Enum.GetValues<LbReason>())
        {
            var count = tables.Reasons.SumPerCpu((uint)reason);
            if (count > 0)
                counts[ReasonNames.ToStatusString(reason)] = count;
        }
        return counts;
    }
}
