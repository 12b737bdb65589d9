using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// Whatever bytes arrive, what is not ours comes back as it came, and what is sent on is a sound packet to a backend
/// or to a client. The frames are mutations of sound ones; <c>EBPFLB_SEED</c> repeats a failed run's.
/// </summary>
[Collection(Lanes.Busy)]
public sealed class HostileFrames
{
    /// <summary>On each hook, in each IP version.</summary>
    static readonly int Frames = SuiteSize.HostileFrames / 4;

    [Theory, OnEveryHook]
    public void Hostile_frames_are_forwarded_correctly_or_not_at_all(Hook hook, Hosts hosts)
    {
        var seed = Fuzzing.Seed();
        TestContext.Current.TestOutputHelper?.WriteLine($"EBPFLB_SEED={seed}");
        using var lb = Balancer.On(hook);
        IPEndPoint[] backends =
        [
            hosts.BackendA.Port(8080), hosts.BackendB.Port(8080),
            hosts.BackendA.Port(5353), hosts.Unresolved.Port(5353),
        ];
        var web = lb.ServeTcp(hosts.Web, backends[0], backends[1]);
        var dns = lb.ServeUdp(hosts.Balancer.Port(53), backends[2], backends[3]);
        var judge = new Judge([web.At, dns.At], backends);
        var opened = lb.Receive(Some.Syn(hosts));
        Assert.Null(judge.FaultOf(opened));
        var mutator = new Mutator(new Random(seed), SoundPackets(hosts, TestFlow.From(opened), dns));

        if (TestNetwork.Shared.Inside(() => FirstFault(lb, mutator, judge)) is { } fault)
            Assert.Fail($"with EBPFLB_SEED={seed}, {fault}");

        var reasons = lb.Reasons();
        Assert.Equal(Frames + 1, reasons.Values.Sum(count => (long)count));
        Assert.DoesNotContain(LbReason.DropRewrite, reasons.Keys);
        Assert.True(judge.SentOn > Frames / 20, $"only {judge.SentOn} frames were sent on: the mutations are too wild");
    }

    static string? FirstFault(Balancer lb, Mutator mutator, Judge judge)
    {
        for (var i = 0; i < Frames; i++)
        {
            var outcome = lb.Receive(mutator.Next(), TestNetwork.Lan);
            if (judge.FaultOf(outcome) is { } fault)
            {
                return $"frame {i} on {outcome.Hook}: {fault} ({outcome.Verdict})\n"
                    + FrameComparison.Describe(outcome.Came, outcome.Left);
            }
        }
        return null;
    }

    static Packet[] SoundPackets(Hosts hosts, TestFlow flow, TestService dns) =>
    [
        Some.Syn(hosts) with { Options = [2, 4, 5, 0xb4, 1, 1, 4, 2] },
        new TcpPacket(hosts.Bob.Port(40002), hosts.Web, Tcp.Syn) { IpOptions = [0x94, 4, 0, 0] },
        new TcpPacket(hosts.Bob.Port(40006), hosts.Web, Tcp.Syn) { Extensions = [Extension.HopByHop()] },
        new TcpPacket(hosts.Carol.Port(40003), hosts.Web, Tcp.Syn),
        flow.FromClient(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(150) },
        flow.FromClient(Tcp.Ack) with { Checksum = L4Checksum.Partial, Payload = Some.Bytes(33) },
        flow.FromBackend(Tcp.Psh | Tcp.Ack) with { Payload = Some.Bytes(1400) },
        new UdpPacket(hosts.Alice.Port(40004), dns.At) { Payload = Some.Bytes(41) },
        new UdpPacket(hosts.Bob.Port(40004), dns.At) { Payload = Some.Bytes(20), Checksum = L4Checksum.None },
        .. new UdpPacket(hosts.Bob.Port(40005), dns.At) { Payload = Some.Bytes(99) }.Fragment(7, 32),
        new IcmpError(hosts.BackendA, IcmpSays.TimeExceeded, flow.AtBackend(flow.FromClient(Tcp.Ack))),
        new IcmpError(hosts.Carol, IcmpSays.FragmentationNeeded, flow.AtClient(flow.FromBackend(Tcp.Ack)))
        {
            QuotedLength = flow.FromBackend(Tcp.Ack).IpHeaderLength + 8,
        },
    ];
}
