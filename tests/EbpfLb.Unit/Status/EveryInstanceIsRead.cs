using EbpfLb.Flows;
using EbpfLb.Status;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Status;

/// <summary>One instance that cannot be read keeps nobody from reading the others.</summary>
public sealed class EveryInstanceIsRead
{
    const string Fault = $"what is attached to {Machine.Interface} was made by another version of ebpf-lb (layout 99";

    [Theory, InlineData(true), InlineData(false)]
    public void Even_if_one_is_of_another_version(bool counted)
    {
        Func<LbTables, IReadOnlyDictionary<uint, int>> live = counted ? LiveFlows.ReadCounters : LiveFlows.Count;
        Capabilities.RequireDatapath();
        new Machine().Inside(() =>
        {
            Attach();

            var reading = StatusReader.Read(live);

            Assert.Equal(Machine.OtherInterface, Assert.Single(reading.Instances).Interface);
            Assert.StartsWith(Fault, Assert.Single(reading.Errors), StringComparison.Ordinal);
        });
    }

    [Theory, InlineData("flows", "\n3 flows\n"), InlineData("flows --json", "\"back\""), InlineData("status", "back")]
    public void And_shown_by_commands_that_still_fail(string command, string shown)
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(Attach);

        var (code, output, error) = machine.Type(command);

        Assert.Equal(1, code);
        Assert.Contains(shown, output, StringComparison.Ordinal);
        Assert.StartsWith($"error: {Fault}", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("flows --service mail", "no service of those that could be read is named 'mail'. There are: web.")]
    [InlineData("flows --backend front", "no backend of those that could be read is named 'front'. There are: a, b.")]
    public void Also_if_none_matches_the_filter(string command, string sentence)
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(Attach);

        var (code, _, error) = machine.Type(command);

        var lines = error.Split('\n');
        Assert.Equal(1, code);
        Assert.StartsWith($"error: {Fault}", lines[0], StringComparison.Ordinal);
        Assert.Equal($"error: {sentence}", lines[1]);
    }

    /// <summary>One instance with three flows, and one of another version.</summary>
    static void Attach()
    {
        using (var own = Machine.Start(Machine.Defaults with { Interfaces = [Machine.OtherInterface] }))
            ManyFlows.Fill(own.Tables, 3, (ulong)TimeProvider.System.GetTimestamp());
        using var other = Machine.Start(Machine.Defaults);
        other.Tables.Instance.Set(0, Machine.Self() with { AbiVersion = 99 });
    }
}
