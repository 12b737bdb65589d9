using System.Collections.Concurrent;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Native;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>
/// Datapaths in the kernel. The verifier takes longer over one than most cases do, so those with the usual settings
/// are emptied after a case and lent to the next.
/// </summary>
static class LoadedDatapaths
{
    static readonly ConcurrentDictionary<Hook, ConcurrentBag<LoadedDatapath>> Idle = [];

    public static LoadedDatapath Lend(Hook hook) =>
        IdleOn(hook).TryTake(out var datapath) ? datapath : Load(hook, Balancer.Usual);

    /// <summary>Stands on both links of the test network.</summary>
    public static LoadedDatapath Load(Hook hook, LbSettings settings, TcObject? tcObject = null) =>
        Load(hook.Kind(), settings, tcObject);

    /// <summary>As the other one.</summary>
    public static LoadedDatapath Load(HookKind hook, LbSettings settings, TcObject? tcObject = null)
    {
        var datapath = LoadedDatapath.Load(hook, settings, maxFlows: 8192, tcObject: tcObject);
        foreach (var link in new[] { TestNetwork.Lan, TestNetwork.Far })
            datapath.Tables.Links.Set(link.Index, link.InTables);
        return datapath;
    }

    /// <param name="hook">Where it was lent for.</param>
    /// <param name="datapath">What was lent.</param>
    /// <param name="services">How many service ids were used.</param>
    /// <param name="backends">How many backend ids were used.</param>
    public static void TakeBack(Hook hook, LoadedDatapath datapath, uint services, uint backends)
    {
        var tables = datapath.Tables;
        foreach (var key in tables.Services.Keys())
            tables.Services.Remove(key);
        foreach (var map in tables.FlowMaps)
        {
            foreach (var key in map.Keys())
                map.Remove(key);
        }
        FragmentTable.Clear(tables);
        foreach (var reason in Enum.GetValues<LbReason>())
            tables.Reasons.ClearPerCpu((uint)reason);
        for (var service = 0u; service < services; service++)
        {
            tables.Slots.Remove(service);
            tables.Cursors.Set(service, 0);
            tables.ServiceTraffic.ClearPerCpu(service);
        }
        for (var backend = 0u; backend < backends; backend++)
        {
            tables.Backends.Set(backend, default);
            tables.BackendTraffic.ClearPerCpu(backend);
            tables.Live.Set(backend, 0);
        }
        tables.EventsLost.ClearPerCpu(0);
        using (var ring = new RingBuffer(tables.Events, _ => { }))
            ring.Drain();
        IdleOn(hook).Add(datapath);
    }

    static ConcurrentBag<LoadedDatapath> IdleOn(Hook hook) => Idle.GetOrAdd(hook, _ => []);
}
