using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>Packets of one flow may be on several processors at once.</summary>
[Collection(Lanes.Busy)]
public sealed class TwoProcessors
{
    const int Connections = 3000;
    const int Races = 2000;
    const int FirstPort = 30000;
    const int LongestHesitation = 500;

    [Theory, OnEveryHook]
    public async Task A_connection_answers_while_it_is_being_established(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var backend = new Backend(lb);

        await TestNetwork.Shared.Beside(() =>
        {
            for (var i = 0; i < Connections; i++)
            {
                var flow = lb.Open(hosts.Alice.Port(20000 + i), web);
                lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
                backend.SendOn(flow);
                backend.AwaitPackets(1);
                lb.Receive(flow.FromClient(Tcp.Ack));
                backend.AwaitPackets(2);
            }
        });
        await backend.End();

        Assert.Equal(0, backend.Refused);
    }

    /// <summary>
    /// A connection moves to the established ones at the very moment at which another client's wants its port. Where the
    /// opening ones are many, the table takes its time to make room, between the look for the port's holder and taking it.
    /// </summary>
    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    public async Task A_port_is_not_given_away_while_its_flow_moves(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with { EventLevel = LbEventLevel.Off });
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        foreach (var client in Some.Clients(hosts, (int)lb.Tables.HalfOpen.MaxEntries / 2))
            lb.Open(client.Port(1024), web);
        var (turn, shared) = (0, 0);
        IPEndPoint? taken = null;

        var other = TestNetwork.Shared.Beside(() =>
        {
            for (var i = 0; i < Races; i++)
            {
                Meet(ref turn, (4 * i) + 1);
                taken = lb.Open(hosts.Bob.Port(FirstPort + i), web).Nat;
                Meet(ref turn, (4 * i) + 3);
            }
        });
        await TestNetwork.Shared.Beside(() =>
        {
            for (var i = 0; i < Races; i++)
            {
                var flow = lb.Open(hosts.Alice.Port(FirstPort + i), web);
                lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
                Meet(ref turn, (4 * i) + 1);
                Thread.SpinWait(i % LongestHesitation);
                lb.Receive(flow.FromClient(Tcp.Ack));
                Meet(ref turn, (4 * i) + 3);
                if (flow.Nat.Equals(taken))
                    shared++;
            }
        });
        await other;

        Assert.Equal(0, shared);
    }

    /// <summary>
    /// The only port is that of a half-open flow. It is taken over for another client's flow at the very moment at which
    /// its own flow is established.
    /// </summary>
    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    public async Task A_flow_whose_port_another_wants_is_moved_whole_or_removed_whole(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(1) with { EventLevel = LbEventLevel.Off });
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var syn = new TcpPacket(hosts.Bob.Port(FirstPort), hosts.Web, Tcp.Syn);
        var (turn, moved, ended, claimed) = (0, 0, 0, 0);

        var other = TestNetwork.Shared.Beside(() =>
        {
            for (var i = 0; i < Races; i++)
            {
                Meet(ref turn, (4 * i) + 1);
                Thread.SpinWait(i % LongestHesitation);
                lb.Receive(syn);
                Meet(ref turn, (4 * i) + 3);
            }
        });
        await TestNetwork.Shared.Beside(() =>
        {
            for (var i = 0; i < Races; i++)
            {
                var flow = lb.Open(hosts.Alice.Port(FirstPort), web);
                lb.Receive(flow.FromBackend(Tcp.Syn | Tcp.Ack));
                Meet(ref turn, (4 * i) + 1);
                GiveWay(i);
                Thread.SpinWait(LongestHesitation / 2);
                lb.Receive(flow.FromClient(Tcp.Ack));
                Meet(ref turn, (4 * i) + 3);
                if (lb.Tables.Flows.TryGet(flow.ClientKey, out var forward))
                {
                    moved++;
                    ended += forward.TcpSeen.HasFlag(LbTcpSeen.End) ? 1 : 0;
                    claimed += lb.HalfOf(flow.ReplyKey).TcpSeen.HasFlag(LbTcpSeen.Claimed) ? 1 : 0;
                    var answer = flow.FromBackend(Tcp.Ack);
                    lb.Receive(answer).LeavesAs(flow.AtClient(answer));
                }
                foreach (var map in lb.Tables.FlowMaps)
                    foreach (var key in new[] { flow.ClientKey, flow.ClientKey with { Src = LbAddress.From(hosts.Bob) }, flow.ReplyKey })
                        map.Remove(key);
            }
        });
        await other;

        Assert.Equal((0, 0), (ended, claimed));
        Assert.InRange(moved, 1, Races - 1);
    }

    /// <summary>
    /// Two clients want the only port, which is that of a flow that is over. The second one may have looked at that flow
    /// before the first one removed it.
    /// </summary>
    [Theory, OnEveryHook(Only = AddressFamily.InterNetwork)]
    public async Task A_port_that_two_clients_want_is_left_to_one_whole_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.FewPorts(1) with { EventLevel = LbEventLevel.Off });
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var turn = 0;
        var broken = new List<string>();

        var other = TestNetwork.Shared.Beside(() =>
        {
            for (var i = 0; i < Races; i++)
            {
                Meet(ref turn, (4 * i) + 1);
                Thread.SpinWait(i % LongestHesitation);
                lb.Receive(new TcpPacket(hosts.Bob.Port(FirstPort), hosts.Web, Tcp.Syn));
                Meet(ref turn, (4 * i) + 3);
            }
        });
        await TestNetwork.Shared.Beside(() =>
        {
            for (var i = 0; i < Races; i++)
            {
                var over = lb.Open(hosts.Alice.Port(FirstPort), web);
                lb.Receive(over.FromClient(Tcp.Rst));
                Meet(ref turn, (4 * i) + 1);
                Thread.SpinWait(LongestHesitation / 2);
                lb.Receive(new TcpPacket(hosts.Carol.Port(FirstPort), hosts.Web, Tcp.Syn));
                Meet(ref turn, (4 * i) + 3);
                if (!lb.Tables.HalfOpen.TryGet(over.ReplyKey, out var reply))
                    broken.Add("no flow has the port");
                else if (reply.TcpSeen.HasFlag(LbTcpSeen.Claimed))
                    broken.Add("the flow that has the port stays claimed");
                else if (!lb.Tables.HalfOpen.TryGet(reply.Rewritten.Reversed(), out var forward) ||
                    !forward.Rewritten.Equals(over.ReplyKey.Reversed()))
                    broken.Add("the flow that has the port has no forward entry");
                foreach (var key in lb.Tables.FlowMaps.SelectMany(map => map.Keys()).ToArray())
                    foreach (var map in lb.Tables.FlowMaps)
                        map.Remove(key);
            }
        });
        await other;

        Assert.Empty(broken);
    }

    /// <summary>Each datagram is given to another backend: the flow that is inserted first counts, and the other one goes.</summary>
    [Theory, OnEveryHook]
    public async Task Two_first_packets_of_one_client_open_one_flow(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook, Balancer.Defaults with { EventLevel = LbEventLevel.Off });
        var dns = lb.ServeUdp(hosts.Web, hosts.BackendA.Port(80), hosts.BackendB.Port(80));
        var (turn, different) = (0, 0);
        TestFlow? theirs = null;

        var other = TestNetwork.Shared.Beside(() =>
        {
            for (var i = 0; i < Races; i++)
            {
                Meet(ref turn, (4 * i) + 1);
                theirs = lb.Open(hosts.Alice.Port(FirstPort + i), dns);
                Meet(ref turn, (4 * i) + 3);
            }
        });
        await TestNetwork.Shared.Beside(() =>
        {
            for (var i = 0; i < Races; i++)
            {
                Meet(ref turn, (4 * i) + 1);
                var ours = lb.Open(hosts.Alice.Port(FirstPort + i), dns);
                Meet(ref turn, (4 * i) + 3);
                different += ours == theirs ? 0 : 1;
            }
        });
        await other;

        Assert.Equal(0, different);
        Assert.Equal((ulong)Races, lb.TrafficOf(dns).Flows);
        Assert.Equal(2 * Races, lb.Tables.UdpFlows.Keys().Count);
    }

    /// <summary>Lets two threads, which both call it, go on from there at once.</summary>
    static void Meet(ref int turn, int odd)
    {
        if (Interlocked.Increment(ref turn) == odd)
            while (Volatile.Read(ref turn) == odd)
                Thread.SpinWait(1);
    }

    /// <summary>Lets the other thread go first in some races, also if a busy machine has one processor for both.</summary>
    static void GiveWay(int race)
    {
        if (race % 50 == 0)
            Thread.Yield();
    }

    /// <summary>Sends packets of a flow, one after the other, on a processor of its own.</summary>
    sealed class Backend(Balancer lb)
    {
        volatile TestFlow? _flow;
        Task? _sending;
        int _sent;

        public int Refused { get; private set; }

        public void SendOn(TestFlow flow)
        {
            _flow = flow;
            _sending ??= TestNetwork.Shared.Beside(Send);
        }

        public Task End()
        {
            _flow = null;
            return _sending ?? Task.CompletedTask;
        }

        /// <summary>Lets so many more be sent.</summary>
        public void AwaitPackets(int count)
        {
            var end = Volatile.Read(ref _sent) + count;
            for (var wait = default(SpinWait); Volatile.Read(ref _sent) < end && !_sending!.IsCompleted;)
                wait.SpinOnce(sleep1Threshold: -1);
        }

        void Send()
        {
            while (_flow is { } flow)
            {
                if (lb.Receive(flow.FromBackend(Tcp.Psh | Tcp.Ack)).Verdict == Verdict.Pass)
                    Refused++;
                Interlocked.Increment(ref _sent);
            }
        }
    }
}
