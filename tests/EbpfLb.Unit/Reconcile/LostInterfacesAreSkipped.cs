using EbpfLb.Flows;
using EbpfLb.Reconcile;
using EbpfLb.Status;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Reconcile;

/// <summary>A runner that loses one of its interfaces goes on with those that are left.</summary>
[Collection(Lanes.Patient)]
public sealed class LostInterfacesAreSkipped : IDisposable
{
    const string Plain = "plain";

    readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Theory, InlineData(Machine.Interface, Plain), InlineData(Plain, Machine.Interface)]
    public async Task Services_and_backends_are_followed_as_before(string lost, string left)
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.PlugPlain(Plain);
        Configure("10.9.3.1");
        using var runner = new RunnerProcess(machine, "--config", _file);
        await runner.UntilAsync("ready: ");
        var listened = machine.Inside(Listened);

        machine.Unplug(lost);
        await runner.UntilAsync($"interface {lost} is gone: backends behind it are unreachable. Balancing continues on {left}.");
        Configure("10.9.3.1, 10.9.3.2");
        await runner.UntilAsync("web: added 10.9.3.2:80");

        await Eventually.That(
            "the tables have both backends", () => machine.Inside(Backends), backends => backends == "10.9.3.1:80, 10.9.3.2:80");
        Assert.Equal(listened, machine.Inside(Listened));
        var status = Assert.Single(machine.Inside(() => StatusReader.Read(LiveFlows.ReadCounters)).Instances);
        Assert.Equal([left], status.Interfaces);
        Assert.Equal([lost], status.Lost);
        Assert.True(status.Running);
    }

    [Fact]
    public async Task If_none_is_left_the_tables_are_still_written()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        Configure("10.9.3.1", Machine.Interface);
        using var runner = new RunnerProcess(machine, "--config", _file);
        await runner.UntilAsync("ready: ");

        machine.Unplug(Machine.Interface);
        await runner.UntilAsync($"interface {Machine.Interface} is gone: no traffic is balanced");
        Configure("10.9.3.1, 10.9.3.2", Machine.Interface);

        await Eventually.That(
            "the tables have both backends", () => machine.Inside(Backends), backends => backends == "10.9.3.1:80, 10.9.3.2:80");
    }

    /// <summary>Whatever is lost, the instance is named after the first.</summary>
    static T Read<T>(Func<LbTables, T> read)
    {
        using var tables = LbTables.OpenPins(Machine.Pins);
        return read(tables);
    }

    static string Backends() => Read(tables => string.Join(
        ", ", KernelState.Read(tables).Backends.Values.Select(backend => $"{backend.EndPoint}").Order()));

    static string Listened() => Read(tables => string.Join(
        ", ", KernelState.Read(tables).Keys.Keys.Select(key => $"{key}").Order()));

    void Configure(string backends) => Configure(backends, $"{Machine.Interface}, {Plain}");

    void Configure(string backends, string interfaces) => File.WriteAllText(_file,
        $"interface: [ {interfaces} ]\nhook: tc\n"
        + $"services: [ {{ name: web, listen: ':80', backends: [ {backends} ] }} ]\n");
}
