using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Flows;
using EbpfLb.Status;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Flows;

/// <summary>Each scan of the flow tables counts the entries that full tables have evicted.</summary>
public sealed class EvictionsAreCounted
{
    [Fact]
    public void A_flood_evicts_entries_of_its_own_table()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults with { EventLevel = LbEventLevel.Off });
        var dns = lb.ServeUdp(Hosts.Ip4.Web, Hosts.Ip4.BackendB.Port(53));
        Establish(lb, Hosts.Ip4);
        var opened = 0;
        foreach (var client in Some.Clients(Hosts.Ip4, (int)lb.Tables.UdpFlows.MaxEntries))
        {
            lb.Open(client.Port(40001), dns);
            opened++;
        }

        Scan(lb, TimeSpan.Zero);

        var evictions = StatusReader.Create("lan", lb.Tables).EntriesEvicted;
        Assert.Equal("udp", Assert.Single(evictions.Keys));
        // Some clients come twice.
        Assert.InRange(evictions["udp"], (ulong)opened / 2, (ulong)((2 * opened) - lb.Tables.UdpFlows.Keys().Count));
    }

    /// <summary>Inserted, moved, replaced, and removed by the datapath and by a scan.</summary>
    [Fact]
    public void Flows_that_end_are_no_evictions()
    {
        using var lb = Balancer.On(Hook.Tc);
        var dns = lb.ServeUdp(Hosts.Ip4.Web, Hosts.Ip4.BackendB.Port(53));
        var flow = Establish(lb, Hosts.Ip4);
        lb.Receive(flow.FromClient(Tcp.Rst));
        lb.Receive(flow.FromClient(Tcp.Syn));
        lb.Receive(flow.FromClient(Tcp.Syn) with { Sequence = 7 });
        lb.Open(Hosts.Ip4.Alice.Port(40009), dns);

        Scan(lb, TimeSpan.Zero);
        Scan(lb, TimeSpan.FromHours(4));
        Scan(lb, TimeSpan.FromHours(4));

        Assert.Empty(lb.Tables.FlowMaps.SelectMany(map => map.Keys()));
        Assert.Empty(StatusReader.Create("lan", lb.Tables).EntriesEvicted);
        foreach (var table in Enum.GetValues<LbFlowTable>())
        {
            var changes = lb.Tables.TableChanges.GetPerCpu(table);
            Assert.True(lb.Tables.TableScans.TryGet(table, out var scan));
            Assert.NotEqual(0ul, Sum(changes, one => one.Inserted));
            Assert.Equal(Sum(changes, one => one.Inserted), Sum(changes, one => one.Removed) + scan.Removed);
        }
    }

    static ulong Sum(LbTableChanges[] changes, Func<LbTableChanges, ulong> count) =>
        changes.Aggregate(0ul, (sum, one) => sum + count(one));

    static TestFlow Establish(Balancer lb, Hosts hosts)
    {
        var flow = lb.Open(hosts.Bob.Port(30000), lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80)));
        lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
        lb.Receive(flow.FromClient(Tcp.Ack));
        return flow;
    }

    static void Scan(Balancer lb, TimeSpan later) =>
        new FlowGarbageCollector(lb.Tables, new TimeoutConfiguration(), new Later(later), Hosts.Own).Collect((_, _, _, _) => { });

    sealed class Later(TimeSpan by) : TimeProvider
    {
        public override long GetTimestamp() => System.GetTimestamp() + (long)by.TotalNanoseconds;
    }
}
