using EbpfLb.Commands;
using EbpfLb.Reconcile;
using EbpfLb.Status;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Status;

/// <summary>Two readings of the maps tell what went on between them, a second.</summary>
public sealed class RatesAreComputed : IDisposable
{
    static readonly TimeSpan Elapsed = TimeSpan.FromSeconds(2);

    readonly Balancer _lb = Balancer.On(Hook.Tc, Balancer.Defaults);

    public RatesAreComputed() => new Reconciler(_lb.Tables).Apply(
        [Snapshots.Web(new(Hosts.Ip4.BackendA, 80, 1, "a"), new(Hosts.Ip4.BackendB, 80, 1, "b"))], [Hosts.Ip4.Balancer]);

    public void Dispose() => _lb.Dispose();

    [Fact]
    public void Of_flows_packets_and_bytes_for_each_backend_and_the_service()
    {
        var first = Open(40001);
        var before = Read();
        var (second, third) = (Open(40002), Open(40003));
        _lb.Receive(second.FromBackend(Tcp.Syn | Tcp.Ack) with { Payload = Some.Bytes(400) });

        var service = Assert.Single(Assert.Single(Read().Since(before, Elapsed)).Services);

        var size = (double)first.FromClient(Tcp.Ack).IpLength;
        Assert.Equal((first.Backend, second.Backend), (third.Backend, Hosts.Ip4.BackendB.Port(80)));
        Assert.Equal(
            [new(0.5, 0.5, size / 2, 0, 0), new(0.5, 0.5, size / 2, 0.5, (size + 400) / 2)],
            service.Backends.Select(backend => backend.Rates));
        Assert.Equal(new TrafficRates(1, 1, size, 0.5, (size + 400) / 2), service.Rates);
    }

    [Fact]
    public void Of_packets_by_their_reason()
    {
        Open(40001);
        var before = Read();
        Open(40002);
        for (var port = 1; port <= 3; port++)
            _lb.Receive(new TcpPacket(Hosts.Ip4.Alice.Port(port), Hosts.Ip4.Web, Tcp.Ack));

        var status = Assert.Single(Read().Since(before, Elapsed));

        Assert.Equal((0.5, 1.5), (status.PacketRates!["sent-to-backend"], status.PacketRates["refuse-unknown-flow"]));
    }

    [Fact]
    public void From_zero_for_a_new_instance_or_a_reset_counter()
    {
        Open(40001);
        var now = Read();
        var more = now.Select(status => status with
        {
            Packets = status.Packets.ToDictionary(count => count.Key, count => count.Value + 1000),
        }).ToArray();

        Assert.All([now.Since([], Elapsed), now.Since(more, Elapsed)], rates =>
            Assert.Equal(0.5, Assert.Single(rates).PacketRates!["sent-to-backend"]));
    }

    [Fact]
    public void In_a_table_with_aligned_columns()
    {
        var lines = Table(colours: false);

        Assert.Contains("  refused and dropped: refuse-unknown-flow 1 (0.5/s)", lines);
        var rows = lines.Where(line => line.StartsWith("    ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(4, rows.Length); // the heading, the two backends and their sum
        Assert.Single(rows.Select(row => row.Length).Distinct());
    }

    [Fact]
    public void With_colours_for_refusals() => Assert.Contains(
        "  refused and dropped: \u001b[31mrefuse-unknown-flow 1 (0.5/s)\u001b[0m", Table(colours: true));

    string[] Table(bool colours)
    {
        var before = Read();
        Open(40001);
        _lb.Receive(new TcpPacket(Hosts.Ip4.Alice.Port(1), Hosts.Ip4.Web, Tcp.Ack));
        using var output = new StringWriter { NewLine = "\n" };
        new StatusTable(output, colours: colours).Write(new StatusSnapshot(Read().Since(before, Elapsed), []));
        return output.ToString().Split('\n');
    }

    TestFlow Open(int port) => TestFlow.From(_lb.Receive(new TcpPacket(Hosts.Ip4.Alice.Port(port), Hosts.Ip4.Web, Tcp.Syn)));

    InstanceStatus[] Read() => [StatusReader.Create("eth0", _lb.Tables)];
}
