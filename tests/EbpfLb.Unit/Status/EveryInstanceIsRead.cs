using EbpfLb.Reconcile;
using EbpfLb.Status;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Status;

/// <summary>One instance that cannot be read keeps nobody from reading the others.</summary>
public sealed class EveryInstanceIsRead
{
    [Theory, InlineData(true), InlineData(false)]
    public void Though_one_is_another_versions(bool counted)
    {
        Func<LbTables, IReadOnlyDictionary<uint, int>> live = counted ? LiveFlows.AsCounted : LiveFlows.Of;
        Capabilities.RequireDatapath();
        new Machine().Inside(() =>
        {
            Machine.Start(Machine.Usual with { Interfaces = [Machine.OtherInterface] }).Dispose();
            using (var other = Machine.Start(Machine.Usual))
                other.Tables.Instance.Set(0, Machine.Self() with { AbiVersion = 99 });

            var reading = StatusReader.Read(live);

            Assert.Equal(Machine.OtherInterface, Assert.Single(reading.Instances).Interface);
            Assert.StartsWith(
                $"what is attached to {Machine.Interface} was made by another version of ebpf-lb (layout 99",
                Assert.Single(reading.Faults), StringComparison.Ordinal);
        });
    }
}
