using EbpfLb.Abi;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>
/// Level-triggered: compares the maps with the desired services and applies the difference. Keeps no state between
/// passes, so that a pass after any crash repairs everything. The only writer of these maps.
/// </summary>
/// <remarks>
/// Order: removed endpoints first, so that they never wait for space; then new backends, slot tables and backend states, so
/// that an interrupted pass leaves a difference to repair. Slot tables are published together, because each publication
/// waits for all processors; those of removed services come last, when no endpoint leads to them.
/// </remarks>
sealed class Reconciler(LbTables tables, TimeProvider? time = null)
{
    readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>What the last pass had no space for, as a sentence; null if nothing.</summary>
    public string? Shortage { get; private set; }

    /// <summary>One pass.</summary>
    /// <param name="self">The addresses of services without one.</param>
    /// <param name="live">
    /// Live flows by backend id, if just counted: they correct the datapath's counters, and removed backends without
    /// flows are deleted.
    /// </param>
    /// <returns>The number of service and backend entries that were written or removed.</returns>
    public int Apply(
        ImmutableArray<ServiceSnapshot> desired, ImmutableArray<IPAddress> self, IReadOnlyDictionary<uint, int>? live = null)
    {
        var services = KernelService.Create(desired, self);
        var actual = KernelState.Read(tables);
        if (live is not null)
            CorrectFlowCounters(actual, live);
        Shortage = null;
        foreach (var service in services)
            AllowPackets(service);
        var wanted = services.Select(service => service.Identity).ToHashSet();
        var written = services.Count(service => TryRename(actual, service, wanted));
        var removed = RemoveKeys(actual, services);
        var leaving = actual.Services.Where(held => !wanted.Contains(held.Value)).ToArray();
        ServiceChange[] staying = [.. services.Select(service => Plan(actual, service)).OfType<ServiceChange>()];
        ServiceChange[] going =
        [
            .. leaving.Select(held => held.Value).Distinct()
                .Select(gone => Plan(actual, KernelService.Removed(gone))).OfType<ServiceChange>(),
        ];
        written += removed + Publish(actual, staying) + Publish(actual, going);
        if (live is not null)
            ReleaseDrained(actual, live, services);
        RemoveServices(actual, leaving.Select(held => held.Key));
        return written;
    }

    /// <summary>A new service with the endpoints of a removed one is that one renamed: it keeps flows and counters.</summary>
    bool TryRename(KernelState actual, KernelService service, HashSet<ServiceIdentity> wanted)
    {
        if (actual.FindService(service.Identity) != Limits.NoId)
            return false;
        if (service.Keys.Select(key => actual.Keys.TryGetValue(key, out var held) ? held.Id : Limits.NoId).Distinct().ToArray()
            is not [not Limits.NoId and var id] || wanted.Contains(actual.Services[id]))
            return false;
        tables.ServiceLabels.Set(id, LbLabel.From(service.Identity.Name));
        actual.Rename(id, service.Identity);
        return true;
    }

    int Publish(KernelState actual, ServiceChange[] changes)
    {
        tables.Slots.Publish(changes
            .Where(change => change.Slots is not null).Select(change => (change.Service.Id, change.Slots!)));
        return changes.Sum(change => WriteBackendsAndKeys(actual, change));
    }

    /// <summary>The filters must pass the service's packets before the service exists.</summary>
    void AllowPackets(KernelService service)
    {
        foreach (var key in service.Keys)
        {
            tables.AddressFilter.Allow(key.Address);
            tables.PortFilter.Allow(key.Protocol, key.Port.Value, service.Backends.Select(backend => backend.Port));
        }
    }

    /// <summary>Corrects the counters of least-connections for flows that were evicted or expired.</summary>
    void CorrectFlowCounters(KernelState actual, IReadOnlyDictionary<uint, int> live)
    {
        foreach (var id in actual.Backends.Keys)
            tables.ActiveFlows.Set(id, live.GetValueOrDefault(id));
    }

    /// <summary>For backends without flows: deletes removed ones, and marks draining ones as drained.</summary>
    void ReleaseDrained(KernelState actual, IReadOnlyDictionary<uint, int> live, ImmutableArray<KernelService> services)
    {
        var wanted = services
            .SelectMany(service => service.Backends.Select(backend => (actual.FindService(service.Identity), backend.EndPoint)))
            .ToHashSet();
        foreach (var (id, backend) in actual.Backends.Where(backend => !live.ContainsKey(backend.Key)).ToArray())
        {
            if (wanted.Contains((backend.Service, backend.EndPoint)))
            {
                if (backend.State == LbBackendState.Draining)
                    tables.Backends.Set(id, backend with { State = LbBackendState.Drained });
                continue;
            }
            tables.Backends.Set(id, default);
            tables.BackendLabels.Set(id, default);
            actual.Free(id);
        }
    }

    /// <summary>Deletes removed services without backends. A service that returns earlier keeps its id.</summary>
    void RemoveServices(KernelState actual, IEnumerable<uint> leaving)
    {
        foreach (var id in leaving.Where(id => !actual.BackendsOf(id).Any()))
            tables.ServiceLabels.Set(id, default);
    }

    /// <summary>Writes new backends and plans the other changes of a service. Null if there is no space.</summary>
    ServiceChange? Plan(KernelState actual, KernelService service)
    {
        if (!actual.TryGetOrAddService(service.Identity, out var id, out var isNew))
        {
            ReportFull("service_labels", tables.ServiceLabels.MaxEntries, "services", $"Service '{service.Identity.Name}' waits");
            return null;
        }
        if (isNew)
        {
            tables.ServiceTraffic.ClearPerCpu(id);
            tables.RoundRobinCounters.Set(id, 0);
            tables.ServiceLabels.Set(id, LbLabel.From(service.Identity.Name));
        }
        var desired = service.Value with { Id = id };
        var isAnother = isNew || actual.KeysOf(id).Any(key => actual.Keys[key] != desired);
        var members = AssignIds(actual, id, service.Backends);
        var transition = new BackendStateTransition(service.Drain, service.OnDown, _time.MonotonicNs());
        (uint Id, LbBackend Next)[] outdated =
        [
            .. actual.BackendsOf(id)
                .Select(held => (held.Id, Next: transition.Next(held.Backend, members.GetValueOrDefault(held.Id))))
                .Where(held => held.Next != actual.Backends[held.Id]),
        ];
        var isRepublished = isAnother || outdated.Any(backend => backend.Next.Weight != actual.Backends[backend.Id].Weight);
        var slots = isRepublished
            ? BuildSlots(desired.Algorithm, [.. members.Select(
                member => (member.Key, actual.Backends[member.Key].EndPoint, member.Value.EffectiveWeight))])
            : null;
        return new(desired, service.Keys, isAnother, slots, outdated);
    }

    /// <summary>A container may be renamed, or its address reused.</summary>
    void Rename(uint id, LbLabel name)
    {
        if (!tables.BackendLabels.TryGet(id, out var held) || !held.Text.SequenceEqual(name.Text))
            tables.BackendLabels.Set(id, name);
    }

    /// <summary>The desired backends by id; writes new ones. Backends without space are left out.</summary>
    Dictionary<uint, BackendSnapshot> AssignIds(KernelState actual, uint service, ImmutableArray<BackendSnapshot> desired)
    {
        var members = new Dictionary<uint, BackendSnapshot>();
        foreach (var backend in desired)
        {
            if (!actual.TryGetOrAddBackend(service, backend, out var id, out var isNew))
            {
                ReportFull("backends", tables.Backends.MaxEntries, "backends", $"Backend '{backend.Host}' waits");
                continue;
            }
            if (isNew)
            {
                tables.BackendTraffic.ClearPerCpu(id);
                tables.BackendLabels.Set(id, LbLabel.From(backend.Host));
                tables.Backends.Set(id, actual.Backends[id]);
            }
            else
                Rename(id, LbLabel.From(backend.Host));
            members[id] = backend;
        }
        return members;
    }

    /// <summary>Writes what follows the slot tables: backend states, then endpoints.</summary>
    int WriteBackendsAndKeys(KernelState actual, ServiceChange change)
    {
        foreach (var (id, next) in change.Backends)
        {
            tables.Backends.Set(id, next);
            actual.Set(id, next);
        }
        LbServiceKey[] written =
            [.. change.RewritesKeys ? change.Keys : change.Keys.Except(actual.KeysOf(change.Service.Id))];
        var count = 0;
        foreach (var key in written)
        {
            if (actual.Keys.Count == tables.Services.MaxEntries && !actual.Keys.ContainsKey(key))
            {
                ReportFull("services", tables.Services.MaxEntries, "services", $"Endpoint {key} waits");
                continue;
            }
            tables.Services.Set(key, change.Service);
            actual.Set(key, change.Service); // may have been another service's
            count++;
        }
        return (change.Slots is null ? 0 : 1) + change.Backends.Count + count;
    }

    /// <summary>Removes endpoints that no service has. One that passes to another service stays until it is written.</summary>
    int RemoveKeys(KernelState actual, ImmutableArray<KernelService> services)
    {
        LbServiceKey[] gone = [.. actual.Keys.Keys.Except(services.SelectMany(service => service.Keys))];
        foreach (var key in gone)
        {
            tables.Services.Remove(key);
            actual.Remove(key);
        }
        return gone.Length;
    }

    /// <summary>Reports the first thing that found no space; the rest is applied.</summary>
    void ReportFull(string map, uint entries, string things, string waiting) =>
        Shortage ??= $"map {map} is full ({entries} entries): remove {things} or raise --max-{things}. {waiting}.";

    static uint[] BuildSlots(LbAlgorithm algorithm, (uint Id, IPEndPoint EndPoint, int Weight)[] members) => algorithm switch
    {
        LbAlgorithm.SourceHash or LbAlgorithm.Maglev => MaglevTable.Build(members),
        _ => SlotTable.Build([.. members.Select(member => (member.Id, member.Weight))]),
    };
}
