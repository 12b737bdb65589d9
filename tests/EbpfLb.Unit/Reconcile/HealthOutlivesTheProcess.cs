using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Reconcile;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Reconcile;

/// <summary>Who was down when a process was killed takes no flow of the next one's, before that has checked anything.</summary>
public sealed class HealthOutlivesTheProcess
{
    /// <summary>The machine takes its packets without owning it: no backend may be an address of the balancer's own.</summary>
    const string Healthy = "10.9.3.1";

    [Fact]
    public async Task Of_a_backend_that_was_down()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Configure($"route add local {Healthy}/32 dev lo");
        using var server = machine.Inside(() => Listen(Healthy));
        using (var former = Start(machine, "every=100ms"))
        {
            await former.UntilAsync("ready: ");
            await Eventually.That(
                "it is found to be down", () => machine.Inside(Backends)["10.9.0.77:80"].State,
                state => state == LbBackendState.Down);
        }

        using var runner = Start(machine, "every=1h");
        await runner.UntilAsync("adopted with");

        var backends = machine.Inside(Backends);
        Assert.Equal((LbBackendState.Down, 0), backends["10.9.0.77:80"]);
        Assert.Equal(1, backends[$"{Healthy}:80"].Weight);
    }

    static RunnerProcess Start(Machine machine, string every) => new(
        machine, "--interface", Machine.Interface, "--hook", "tc", "--listen", ":80", "--backend", Healthy,
        "--backend", "10.9.0.77", "--health", "tcp", "--health", every, "--health", "timeout=100ms");

    static TcpListener Listen(string address)
    {
        var server = new TcpListener(IPAddress.Parse(address), 80);
        server.Start();
        return server;
    }

    static Dictionary<string, (LbBackendState State, int Weight)> Backends()
    {
        using var tables = LbTables.OpenPins(Machine.Pins);
        return KernelState.Read(tables).Backends.Values.ToDictionary(
            backend => $"{backend.EndPoint}", backend => (backend.State, (int)backend.Weight));
    }
}
