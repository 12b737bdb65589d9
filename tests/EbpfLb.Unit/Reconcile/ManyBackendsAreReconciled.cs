using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Reconcile;

/// <summary>The default sizes hold 10,000 backends in 1,000 services. The times are reported, not asserted.</summary>
[Collection(Lanes.Busy)]
public sealed class ManyBackendsAreReconciled
{
    const int Services = 1000;
    const int BackendsEach = 10;
    const int Passes = 20;

    [Fact]
    public void One_changed_backend_is_one_change()
    {
        Capabilities.RequireDatapath();
        var defaults = new LoadBalancerConfiguration();
        using var datapath = LoadedDatapath.Load(
            HookKind.Tc, Balancer.Defaults, new(1024, defaults.MaxServices, defaults.MaxBackends));
        var reconciler = new Reconciler(datapath.Tables);
        ImmutableArray<IPAddress> self = [Hosts.Ip4.Balancer];
        var services = Enumerable.Range(0, Services).Select(Service).ToImmutableArray();
        var first = Stopwatch.GetTimestamp();
        reconciler.Apply(services, self);
        var filled = Stopwatch.GetElapsedTime(first);
        var times = new List<double>();
        var cpu = Environment.CpuUsage.TotalTime;

        for (var pass = 0; pass < Passes; pass++)
        {
            services = services.SetItem(pass, services[pass] with { Backends = services[pass].Backends.SetItem(0, services[pass].Backends[0] with { Weight = 2 }) });
            var began = Stopwatch.GetTimestamp();
            Assert.InRange(reconciler.Apply(services, self), 1, 2); // the slot table and the backend
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        cpu = Environment.CpuUsage.TotalTime - cpu;
        Assert.Null(reconciler.Shortage);
        Assert.Equal(Services * BackendsEach, KernelState.Read(datapath.Tables).Backends.Count);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"first pass {filled.TotalMilliseconds:F0} ms; one change: median {times.Order().ElementAt(Passes / 2):F0} ms, least {times.Min():F0} ms, "
            + $"processor {cpu.TotalMilliseconds / Passes:F0} ms");
    }

    static ServiceSnapshot Service(int index) => Snapshots.Service($"web-{index}", 1000 + index,
        Enumerable.Range(0, BackendsEach).Select(i => new BackendSnapshot(
            new([10, (byte)(1 + i), (byte)(index / 250), (byte)(1 + (index % 250))]), 80, 1, $"backend-{index}-{i}")));
}

/// <summary>A start with more endpoints than the compiled objects have room for.</summary>
[Collection(Lanes.Patient)]
public sealed class ManyEndpointsAreListenedOn
{
    [Fact]
    public async Task Two_hundred_services_start_on_an_interface_with_nine_addresses()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Configure([.. Enumerable.Range(1, 8).Select(i => $"address add 10.9.0.{10 + i}/24 dev {Machine.Interface}")]);
        var file = Path.GetTempFileName();
        File.WriteAllLines(file,
        [
            $"interface: {Machine.Interface}", "hook: tc", "services:",
            .. Enumerable.Range(0, 200).Select(i => $"  - {{ listen: ':{1000 + i}', backends: [ 10.9.3.1 ] }}"),
        ]);

        using var runner = new RunnerProcess(machine, "--config", file);
        await runner.UntilAsync("ready: ");

        using var tables = machine.Inside(() => EbpfLb.Tables.LbTables.OpenPins(Machine.Pins));
        Assert.Equal(1800, KernelState.Read(tables).Keys.Count);
        File.Delete(file);
    }
}
