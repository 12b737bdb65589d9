using System.Collections.Immutable;
using System.Net;
using EbpfLb.Abi;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>
/// Makes the maps hold what is desired: compares with what they hold now and applies the difference. It remembers
/// nothing between passes, so a pass after any crash puts everything right. Nothing else writes these maps.
/// </summary>
/// <remarks>
/// New backends are written before the tables that name them, and how backends stand after these: a pass that is cut
/// short leaves a difference for the next one to see. Tables take their places together, because the kernel waits for
/// its processors each time; but those of services that leave last, when no endpoint leads to them any more.
/// </remarks>
sealed class Reconciler(LbTables tables, TimeProvider? time = null)
{
    readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>What the last pass found no room for, as a sentence; null where there was room for everything.</summary>
    public string? Shortage { get; private set; }

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
        var services = KernelService.Create(desired, self);
        var actual = KernelState.Read(tables);
        if (live is not null)
            CorrectFlowCounters(actual, live);
        Shortage = null;
        foreach (var service in services)
            AllowPorts(service);
        var wanted = services.Select(service => service.Identity).ToHashSet();
        var written = services.Count(service => TryRename(actual, service, wanted));
        var leaving = actual.Services.Where(held => !wanted.Contains(held.Value)).ToArray();
        ServiceChange[] staying = [.. services.Select(service => Plan(actual, service)).OfType<ServiceChange>()];
        ServiceChange[] going =
        [
            .. leaving.Select(held => held.Value).Distinct()
                .Select(gone => Plan(actual, KernelService.Removed(gone))).OfType<ServiceChange>(),
        ];
        written += Publish(actual, staying);
        // A key may have passed from one service to another: all are written before any is removed.
        written += staying.Concat(going).Sum(change => RemoveKeys(actual, change));
        written += Publish(actual, going);
        if (live is not null)
            ReleaseDrained(actual, live, services);
        RemoveServices(actual, leaving.Select(held => held.Key));
        return written;
    }

    /// <summary>
    /// One that listens where another did that is desired no more is that one by a new name, with its flows, counts and
    /// backends.
    /// </summary>
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

    /// <summary>Has the datapath look at packets of the service's ports, before there is a service that they are for.</summary>
    void AllowPorts(KernelService service)
    {
        foreach (var key in service.Keys)
            tables.Ports.Allow(
                (TransportProtocol)key.Protocol, key.Port.Value, service.Backends.Select(backend => backend.Port));
    }

    /// <summary>Corrects the counts that least connections goes by, for flows that were evicted or idled out.</summary>
    void CorrectFlowCounters(KernelState actual, IReadOnlyDictionary<uint, int> live)
    {
        foreach (var id in actual.Backends.Keys)
            tables.Live.Set(id, live.GetValueOrDefault(id));
    }

    /// <summary>Where no flow leads to a backend any more: forgets one that left its service, and tells that one is drained.</summary>
    void ReleaseDrained(KernelState actual, IReadOnlyDictionary<uint, int> live, ImmutableArray<KernelService> services)
    {
        var wanted = services
            .SelectMany(service => service.Backends.Select(backend => (
                actual.FindService(service.Identity), new IPEndPoint(backend.Address, backend.Port))))
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
            actual.Backends.Remove(id);
        }
    }

    /// <summary>Forgets services that left, once they have no backend any more: one that comes back before is the same.</summary>
    void RemoveServices(KernelState actual, IEnumerable<uint> leaving)
    {
        foreach (var id in leaving.Where(id => !actual.BackendsOf(id).Any()))
            tables.ServiceLabels.Set(id, default);
    }

    /// <summary>Writes what a service's new table will name, and tells what else is to change; null where it has no room.</summary>
    ServiceChange? Plan(KernelState actual, KernelService service)
    {
        if (!actual.TryGetOrAddService(service.Identity, out var id, out var isNew))
        {
            Shortage ??= $"there is no room for service '{service.Identity.Name}': the tables hold {Limits.MaxServices}, "
                + "and one that listens on IPv4 and IPv6 counts twice, as one does that left and drains.";
            return null;
        }
        if (isNew)
        {
            tables.ServiceTraffic.ClearPerCpu(id);
            tables.Cursors.Set(id, 0);
            tables.ServiceLabels.Set(id, LbLabel.From(service.Identity.Name));
        }
        var desired = new LbService(id, service.Algorithm, service.Mode);
        var isAnother = isNew || actual.KeysOf(id).Any(key => actual.Keys[key] != desired);
        var members = AssignIds(actual, id, service.Backends);
        var transition = new BackendStateTransition(service.Drain, (ulong)_time.GetTimestamp());
        (uint Id, LbBackend Next)[] outdated =
        [
            .. actual.BackendsOf(id)
                .Select(held => (held.Id, Next: transition.Next(held.Backend, members.GetValueOrDefault(held.Id))))
                .Where(held => held.Next != actual.Backends[held.Id]),
        ];
        var isRepublished = isAnother || outdated.Any(backend => backend.Next.Weight != actual.Backends[backend.Id].Weight);
        var slots = isRepublished
            ? BuildSlots(service.Algorithm, [.. members.Select(
                member => (member.Key, actual.Backends[member.Key].EndPoint, member.Value.EffectiveWeight))])
            : null;
        return new(desired, service.Keys, isAnother, slots, outdated);
    }

    /// <summary>A container may get another name, or one that left leave its address to another.</summary>
    void Rename(uint id, LbLabel name)
    {
        if (!tables.BackendLabels.TryGet(id, out var held) || held.ToString() != name.ToString())
            tables.BackendLabels.Set(id, name);
    }

    /// <summary>The desired backends by their ids, new ones with what is known of them; those without room are left out.</summary>
    Dictionary<uint, BackendSnapshot> AssignIds(KernelState actual, uint service, ImmutableArray<BackendSnapshot> desired)
    {
        var members = new Dictionary<uint, BackendSnapshot>();
        foreach (var backend in desired)
        {
            if (!actual.TryGetOrAddBackend(service, backend, out var id, out var isNew))
            {
                Shortage ??= $"there is no room for backend '{backend.Host}': the tables hold {Limits.MaxBackends}, "
                    + "those that left and drain among them.";
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

    /// <summary>Writes what comes after the tables: how backends stand now, and where the service listens.</summary>
    int WriteBackendsAndKeys(KernelState actual, ServiceChange change)
    {
        foreach (var (id, next) in change.Backends)
        {
            tables.Backends.Set(id, next);
            actual.Backends[id] = next;
        }
        LbServiceKey[] written =
            [.. change.RewritesKeys ? change.Keys : change.Keys.Except(actual.KeysOf(change.Service.Id))];
        foreach (var key in written)
        {
            tables.Services.Set(key, change.Service);
            actual.Keys[key] = change.Service; // perhaps no longer another's
        }
        return (change.Slots is null ? 0 : 1) + change.Backends.Count + written.Length;
    }

    /// <summary>Removes where the service listens no more.</summary>
    int RemoveKeys(KernelState actual, ServiceChange change)
    {
        LbServiceKey[] gone = [.. actual.KeysOf(change.Service.Id).Except(change.Keys)];
        foreach (var key in gone)
            tables.Services.Remove(key);
        return gone.Length;
    }

    static uint[] BuildSlots(LbAlgorithm algorithm, (uint Id, IPEndPoint EndPoint, int Weight)[] members) => algorithm switch
    {
        LbAlgorithm.SourceHash or LbAlgorithm.Maglev => MaglevTable.Build(members),
        _ => SlotTable.Build([.. members.Select(member => (member.Id, member.Weight))]),
    };
}
