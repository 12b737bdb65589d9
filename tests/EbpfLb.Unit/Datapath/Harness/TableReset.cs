using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Makes a datapath's tables as they were after the load.</summary>
static class TableReset
{
    const int MostServices = 16;

    /// <summary>As user space tells the datapath of the test network's interfaces.</summary>
    public static void StandOnBothLinks(LbTables tables)
    {
        foreach (var (place, link) in new[] { TestNetwork.Lan, TestNetwork.Far }.Index())
        {
            tables.Links.Set(link.Index, link.InTables);
            tables.EthernetLinks.Set((uint)place, link.LayerInTables);
        }
    }

    /// <summary>
    /// Empties what a case filled that had only packets, and services with the first ids. Their slot tables stay: the kernel
    /// waits for every processor before it takes one away, and the next case with that id puts its own in place.
    /// </summary>
    /// <param name="tables">The datapath's.</param>
    /// <param name="services">How many service ids were used.</param>
    /// <param name="backends">How many backend ids were used.</param>
    public static void Empty(LbTables tables, uint services, uint backends)
    {
        EmptyWhatPacketsFill(tables);
        if (services != 0)
        {
            tables.RoundRobinCounters.ClearFirst((int)services);
            tables.ServiceTraffic.ClearFirstPerCpu((int)services);
        }
        if (backends != 0)
        {
            tables.Backends.ClearFirst((int)backends);
            tables.BackendTraffic.ClearFirstPerCpu((int)backends);
            tables.ActiveFlows.ClearFirst((int)backends);
        }
    }

    /// <summary>
    /// Empties all of them, whatever ids were used and whatever wrote them; false, and nothing done, where a new load is sooner
    /// done than the kernel has waited for every slot table that goes.
    /// </summary>
    public static bool TryEmptyAll(LbTables tables)
    {
        if (tables.Services.Keys().Count > MostServices)
            return false;
        Empty(tables, tables.RoundRobinCounters.MaxEntries, tables.Backends.MaxEntries);
        RemoveSlots(tables, tables.RoundRobinCounters.MaxEntries);
        tables.ServiceLabels.ClearFirst((int)tables.ServiceLabels.MaxEntries);
        tables.BackendLabels.ClearFirst((int)tables.BackendLabels.MaxEntries);
        tables.Instance.ClearFirst(1);
        tables.Links.RemoveAll();
        tables.EthernetLinks.ClearFirst((int)tables.EthernetLinks.MaxEntries);
        StandOnBothLinks(tables);
        return true;
    }

    /// <summary>Removes the slot tables of the first services.</summary>
    public static void RemoveSlots(LbTables tables, uint services)
    {
        for (var service = 0u; service < services; service++)
            tables.Slots.Remove(service);
    }

    /// <summary>Whether no reconciler has named a service or a backend: it takes the lowest free ids.</summary>
    public static bool HasNoLabels(LbTables tables) => new[] { tables.ServiceLabels, tables.BackendLabels }.All(
        labels => Enumerable.Range(0, 2).All(id => !labels.TryGet((uint)id, out var label) || label.ToString().Length == 0));

    static void EmptyWhatPacketsFill(LbTables tables)
    {
        tables.Services.RemoveAll();
        foreach (var map in tables.FlowMaps)
            map.RemoveAll();
        FragmentTable.Clear(tables);
        RestingPorts.Clear(tables);
        tables.PortFilter.Words.ClearFirst((int)tables.PortFilter.Words.MaxEntries);
        tables.AddressFilter.Words.ClearFirst((int)tables.AddressFilter.Words.MaxEntries);
        foreach (var table in Enum.GetValues<LbFlowTable>())
        {
            tables.TableChanges.ClearPerCpu(table);
            tables.TableScans.Set(table, default);
        }
        tables.Reasons.ClearFirstPerCpu((int)tables.Reasons.MaxEntries);
        tables.EventsLost.ClearFirstPerCpu(1);
        using var ring = new RingBuffer(tables.Events, _ => { });
        ring.Drain();
    }
}
