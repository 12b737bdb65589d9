using System.Collections.Immutable;
using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Reconcile;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Reconcile;

/// <summary>
/// Two balancers with the same configuration choose the same backend for a flow, whatever each of them learned before and
/// in which order: a flow may go on at another balancer.
/// </summary>
[Case(PacketCase.Maglev, PacketCase.SourceHash)]
public sealed class BalancersAgreeOnBackends
{
    static readonly ImmutableArray<IPAddress> Self = [Hosts.Ip4.Balancer];
    static readonly IPAddress[] Servers = [Hosts.Ip4.BackendA, Hosts.Ip4.BackendB, Hosts.Ip4.BackendC, Hosts.Ip4.Bob];

    public static IEnumerable<TheoryDataRow<bool, int>> Histories =>
        Enumerable.Range(1, 16).Select(seed => new TheoryDataRow<bool, int>(seed % 2 == 0, seed));

    [Theory, MemberData(nameof(Histories))]
    public void Balancers_with_different_histories_select_alike(bool bySource, int seed)
    {
        var algorithm = bySource ? Algorithm.SourceHash : Algorithm.Maglev;
        using Balancer one = Balancer.On(Hook.Tc, Balancer.Defaults), other = Balancer.On(Hook.Xdp, Balancer.Defaults);
        var random = new Random(seed);
        var last = Backends(random);

        Learn(one.Tables, algorithm, random, last);
        Learn(other.Tables, algorithm, random, last);

        var clients = Some.Clients(Hosts.Ip4, 100).Select(address => address.Port(1024 + random.Next(50000))).ToArray();
        Assert.Equal(clients.Select(client => Chosen(one, client)), clients.Select(client => Chosen(other, client)));
    }

    /// <summary>Some states of the service, the last one in an order of its own; a pass may remove what has drained.</summary>
    static void Learn(EbpfLb.Tables.LbTables tables, Algorithm algorithm, Random random, BackendSnapshot[] last)
    {
        var reconciler = new Reconciler(tables);
        for (var past = random.Next(6); past > 0; past--)
            Apply(Backends(random));
        Apply(last);

        void Apply(BackendSnapshot[] backends)
        {
            var order = backends.ToArray();
            random.Shuffle(order);
            // Some are known earlier than the others.
            var early = order[..random.Next(order.Length + 1)];
            foreach (var known in (BackendSnapshot[][])[early, order])
            {
                reconciler.Apply(
                    [Snapshots.Web(known).With(web => web with { Algorithm = algorithm })], Self,
                    random.Next(2) == 0 ? new Dictionary<uint, int>() : null);
            }
        }
    }

    static BackendSnapshot[] Backends(Random random)
    {
        var all = Servers.SelectMany(server => Enumerable.Range(8001, 5).Select(port => server.Port(port))).ToArray();
        random.Shuffle(all);
        return
        [
            .. all[..random.Next(1, all.Length)].Select(backend =>
            {
                var isDown = random.Next(4) == 0;
                return new BackendSnapshot(backend.Address, (ushort)backend.Port, random.Next(1, 4), $"{backend}")
                {
                    Health = isDown ? BackendHealth.Down : BackendHealth.Up,
                    IsExcluded = isDown,
                };
            }),
            // At least one takes flows.
            new(Hosts.Ip4.BackendA, 8000, 1, "always") { Health = BackendHealth.Up },
        ];
    }

    static IPEndPoint Chosen(Balancer lb, IPEndPoint client) =>
        TestFlow.From(lb.Receive(new TcpPacket(client, Hosts.Ip4.Web, Tcp.Syn), TestNetwork.Far)).Backend;
}
