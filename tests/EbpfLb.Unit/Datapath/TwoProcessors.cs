using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>Packets of one flow may be on several processors at once.</summary>
public sealed class TwoProcessors
{
    const int Connections = 3000;

    [Theory, OnEveryHook]
    public async Task A_connection_answers_while_it_is_being_established(Hook hook, Hosts hosts)
    {
        using var lb = Balancer.On(hook);
        var web = lb.ServeTcp(hosts.Web, hosts.BackendA.Port(80));
        var backend = new Backend(lb);

        TestNetwork.Shared.Inside(() =>
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
            return true;
        });
        await backend.End();

        Assert.Equal(0, backend.Refused);
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
