using System.Collections.Immutable;
using System.Net;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Providers;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>
/// Makes the maps hold what is desired: compares with what they hold now and applies the difference. It remembers
/// nothing between passes, so a pass after any crash puts everything right. Nothing else writes these maps.
/// </summary>
/// <remarks>
/// New backends are written before the tables that name them, and how backends stand after these: a pass that is cut
/// short leaves a difference for the next one to see. All tables take their places together, because the kernel waits
/// for its processors each time.
/// </remarks>
sealed class Reconciler(LbTables tables, TimeProvider? time = null)
{
    readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>One pass.</summary>
    /// <param name="desired">The services and their backends.</param>
    /// <param name="self">The addresses that a service without one listens on.</param>
    /// <param name="live">
    /// Live flows by backend id, where they have been counted just now: they correct the kernel's own count, and backends
    /// that have left their service and have none are forgotten.
    /// </param>
    /// <returns>How many entries of services and backends were written or removed.</returns>
    public int Apply(
        ImmutableArray<ServiceSnapshot> desired, ImmutableArray<IPAddress> self, IReadOnlyDictionary<uint, int>? live = null)
    {
        var services = KernelService.Of(desired, self);
        var actual = KernelState.Read(tables);
        if (live is not null)
            CountLive(actual, live);
        var wanted = services.Select(service => service.Identity).ToHashSet();
        var left = actual.Services.Where(held => !wanted.Contains(held.Value)).Select(held => held.Key).ToArray();
        ServiceChange[] prepared = [.. services.Select(service => Prepare(actual, service))];
        tables.Slots.Publish(prepared
            .Where(change => change.Slots is not null).Select(change => (change.Service.Id, change.Slots!)));
        var changes = prepared.Sum(change => Complete(actual, change)) + left.Sum(id => RemoveService(actual, id));
        if (live is not null)
            Settle(actual, live, desired);
        return changes;
    }

    /// <summary>Corrects the counts that least connections goes by, for flows that were evicted or idled out.</summary>
    void CountLive(KernelState actual, IReadOnlyDictionary<uint, int> live)
    {
        foreach (var id in actual.Backends.Keys)
            tables.Live.Set(id, live.GetValueOrDefault(id));
    }

    /// <summary>Where no flow leads to a backend any more: forgets one that left its service, and tells that one is drained.</summary>
    void Settle(KernelState actual, IReadOnlyDictionary<uint, int> live, ImmutableArray<ServiceSnapshot> desired)
    {
        var wanted = desired
            .SelectMany(service => service.Backends.Select(backend => (
                actual.FindService(new(service.Name, backend.Address.AddressFamily)),
                new IPEndPoint(backend.Address, backend.Port))))
            .ToHashSet();
        foreach (var (id, backend) in actual.Backends)
        {
            if (live.ContainsKey(id))
                continue;
            if (!wanted.Contains((backend.Service, backend.EndPoint)))
                FreeBackend(id);
            else if (backend.State == LbBackendState.Draining)
                tables.Backends.Set(id, backend with { State = LbBackendState.Drained });
        }
    }

    /// <summary>Writes what a service's new table will name, and tells what else is to change.</summary>
    ServiceChange Prepare(KernelState actual, KernelService service)
    {
        var id = actual.FindOrTakeService(service.Identity, out var isNew);
        if (isNew)
        {
            tables.ServiceTraffic.ClearPerCpu(id);
            tables.Cursors.Set(id, 0);
            tables.ServiceLabels.Set(id, LbLabel.From(service.Identity.Name));
        }
        var desired = new LbService(id, service.Algorithm, service.Mode);
        var isAnother = isNew || actual.KeysOf(id).Any(key => actual.Keys[key] != desired);
        var members = new Dictionary<uint, BackendSnapshot>();
        foreach (var backend in service.Backends)
        {
            var member = actual.FindOrTakeBackend(id, backend, out var isNewBackend);
            if (isNewBackend)
            {
                tables.BackendTraffic.ClearPerCpu(member);
                tables.BackendLabels.Set(member, LbLabel.From(backend.Host));
                tables.Backends.Set(member, actual.Backends[member]);
            }
            members[member] = backend;
        }
        var outdated = Outdated(actual, id, members, service.Drain);
        var isRepublished = isAnother || outdated.Any(backend => backend.Next.Weight != actual.Backends[backend.Id].Weight);
        var slots = isRepublished
            ? Slots(service.Algorithm, [.. members.Select(
                member => (member.Key, actual.Backends[member.Key].EndPoint, member.Value.Share))])
            : null;
        return new(desired, service.Keys, isAnother, slots, outdated);
    }

    /// <summary>Writes what comes after the tables: backends as they stand now, and where the service listens.</summary>
    int Complete(KernelState actual, ServiceChange change)
    {
        Stand(actual, change.Backends);
        var held = actual.KeysOf(change.Service.Id).ToArray();
        LbServiceKey[] written = [.. change.IsAnother ? change.Keys : change.Keys.Except(held)];
        LbServiceKey[] gone = [.. held.Except(change.Keys)];
        foreach (var key in written)
        {
            tables.Services.Set(key, change.Service);
            actual.Keys[key] = change.Service; // perhaps no longer another's
        }
        foreach (var key in gone)
            tables.Services.Remove(key);
        return (change.Slots is null ? 0 : 1) + change.Backends.Count + written.Length + gone.Length;
    }

    /// <summary>The backends of a service that now stand otherwise than before.</summary>
    IReadOnlyList<(uint Id, LbBackend Next)> Outdated(
        KernelState actual, uint service, Dictionary<uint, BackendSnapshot> members, TimeSpan drain)
    {
        var standing = new Standing(drain, (ulong)_time.GetTimestamp());
        return
        [
            .. actual.BackendsOf(service)
                .Select(held => (held.Id, Next: standing.Of(held.Backend, members.GetValueOrDefault(held.Id))))
                .Where(held => held.Next != actual.Backends[held.Id]),
        ];
    }

    void Stand(KernelState actual, IReadOnlyList<(uint Id, LbBackend Next)> backends)
    {
        foreach (var (id, next) in backends)
        {
            tables.Backends.Set(id, next);
            actual.Backends[id] = next;
        }
    }

    static uint[] Slots(LbAlgorithm algorithm, (uint Id, IPEndPoint EndPoint, int Weight)[] members) => algorithm switch
    {
        LbAlgorithm.SourceHash or LbAlgorithm.Maglev => MaglevTable.Build(members),
        _ => SlotTable.Build([.. members.Select(member => (member.Id, member.Weight))]),
    };

    int RemoveService(KernelState actual, uint id)
    {
        var keys = actual.KeysOf(id).ToArray();
        foreach (var key in keys)
            tables.Services.Remove(key);
        tables.Slots.Remove(id);
        Stand(actual, Outdated(actual, id, [], ServiceConfiguration.UsualDrain));
        tables.ServiceLabels.Set(id, default);
        return 1 + keys.Length;
    }

    void FreeBackend(uint id)
    {
        tables.Backends.Set(id, default);
        tables.BackendLabels.Set(id, default);
    }
}
