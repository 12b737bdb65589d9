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
        var changes = services.Sum(service => ApplyService(actual, service)) + left.Sum(id => RemoveService(actual, id));
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

    int ApplyService(KernelState actual, KernelService service)
    {
        var id = actual.FindOrTakeService(service.Identity, out var isNew);
        if (isNew)
        {
            tables.ServiceTraffic.ClearPerCpu(id);
            tables.Cursors.Set(id, 0);
            tables.ServiceLabels.Set(id, LbLabel.From(service.Identity.Name));
        }

        var desired = new LbService(id, service.Algorithm, service.Mode);
        var held = actual.KeysOf(id).ToArray();
        var isChanged = held.Any(key => actual.Keys[key] != desired);
        var changes = ApplyBackends(actual, desired, service.Backends, service.Drain, isNew || isChanged);
        LbServiceKey[] written = [.. isChanged ? service.Keys : service.Keys.Except(held)];
        LbServiceKey[] gone = [.. held.Except(service.Keys)];
        foreach (var key in written)
        {
            tables.Services.Set(key, desired);
            actual.Keys[key] = desired; // perhaps no longer another's
        }
        foreach (var key in gone)
            tables.Services.Remove(key);
        return changes + written.Length + gone.Length;
    }

    /// <summary>
    /// New backends are written before the table that names them, and weights after it: a pass that is cut short
    /// leaves a difference for the next one to see.
    /// </summary>
    int ApplyBackends(
        KernelState actual, LbService service, ImmutableArray<BackendSnapshot> desired, TimeSpan drain, bool isAnother)
    {
        var members = new Dictionary<uint, BackendSnapshot>();
        foreach (var backend in desired)
        {
            var id = actual.FindOrTakeBackend(service.Id, backend, out var isNewBackend);
            if (isNewBackend)
            {
                tables.BackendTraffic.ClearPerCpu(id);
                tables.BackendLabels.Set(id, LbLabel.From(backend.Host));
                tables.Backends.Set(id, actual.Backends[id]);
            }
            members[id] = backend;
        }
        var standing = new Standing(drain, (ulong)_time.GetTimestamp());
        var outdated = actual.BackendsOf(service.Id)
            .Select(held => (held.Id, held.Backend, Next: standing.Of(held.Backend, members.GetValueOrDefault(held.Id))))
            .Where(held => held.Next != held.Backend)
            .ToArray();
        var isRepublished = isAnother || outdated.Any(held => held.Next.Weight != held.Backend.Weight);
        if (isRepublished)
            tables.Slots.Publish(service.Id, Slots(service.Algorithm, [.. members.Select(
                member => (member.Key, actual.Backends[member.Key].EndPoint, member.Value.Share))]));
        foreach (var (id, _, next) in outdated)
        {
            tables.Backends.Set(id, next);
            actual.Backends[id] = next;
        }
        return (isRepublished ? 1 : 0) + outdated.Length;
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
        ApplyBackends(actual, new LbService(id), [], ServiceConfiguration.UsualDrain, isAnother: false);
        tables.Slots.Remove(id);
        tables.ServiceLabels.Set(id, default);
        return 1 + keys.Length;
    }

    void FreeBackend(uint id)
    {
        tables.Backends.Set(id, default);
        tables.BackendLabels.Set(id, default);
    }
}
