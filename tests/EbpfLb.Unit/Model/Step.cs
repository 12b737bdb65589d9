using CsCheck;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Model;

/// <summary>What a packet says besides its addresses.</summary>
/// <param name="Flags">TCP's.</param>
/// <param name="Ttl">Or hop limit.</param>
/// <param name="Length">The payload's, in bytes.</param>
/// <param name="Sequence">Of a segment that begins something.</param>
/// <param name="Acknowledgment">Where it acknowledges.</param>
/// <param name="Ahead">How far another segment is ahead of what its sender sends next.</param>
/// <param name="AckAhead">How far it acknowledges more than what the other end has sent.</param>
sealed record Content(Tcp Flags, byte Ttl, int Length, uint Sequence, uint Acknowledgment, int Ahead, int AckAhead);

/// <summary>Something that happens. Numbers choose among what there is, round and round.</summary>
abstract record Step
{
    /// <summary>A packet from a client to a service.</summary>
    public sealed record Ask(int World, int Client, int Port, int Service, int ServicePort, Content Content) : Step;

    /// <summary>A packet of a flow that has been opened, whether it still lives or not.</summary>
    public sealed record Go(int Flow, bool ToClient, Content Content) : Step;

    /// <summary>
    /// A flow's reply half is evicted; then, once the datapath looks after the flow again, comes a packet of its client's.
    /// </summary>
    public sealed record Tear(int Flow, Content Content) : Step;

    /// <summary>A flow was opened longer ago than a client waits for a silent backend; then comes another SYN.</summary>
    public sealed record Age(int Flow, Content Content) : Step;

    /// <summary>A packet from anybody to anything.</summary>
    public sealed record Stray(int World, int From, int FromPort, int To, int ToPort, bool Tcp, Content Content) : Step;

    /// <summary>A service's backends change weights; 0 takes no new flow.</summary>
    public sealed record Weigh(int World, int Service, int First, int Second, int Third) : Step;

    /// <summary>A backend goes down, or comes up.</summary>
    public sealed record Fail(int World, int Service, int Backend, bool IsDown) : Step;

    /// <summary>Flows that have idled for so long are collected.</summary>
    public sealed record CollectIdle(int Seconds) : Step;

    /// <summary>A case: whether NAT has but a few ports, and what happens in it.</summary>
    public static Gen<(bool FewPorts, Step[] Steps)> Cases(int longest) =>
        Gen.Select(Gen.Bool, Steps.Array[1, longest]);

    /// <summary>The limits that docs/concepts/flows.md names.</summary>
    const int Gap = 128 * 1024, Far = 1024 * 1024;

    static readonly Gen<int> Any = Gen.Int[0, 1023];

    /// <summary>Some more often than others, so that their flows run out of ports: those where chance decides.</summary>
    static readonly Gen<int> AnyService = Gen.Frequency((3, Any), (1, Gen.OneOf(5, 6)));

    static readonly Gen<Tcp> Flags = Gen.OneOf(
        Tcp.Syn, Tcp.Syn, Tcp.Syn, Tcp.Syn | Tcp.Ack, Tcp.Ack, Tcp.Ack, Tcp.Psh | Tcp.Ack, Tcp.Fin | Tcp.Ack,
        Tcp.Fin | Tcp.Ack, Tcp.Rst, Tcp.Rst | Tcp.Ack, Tcp.Fin, Tcp.None, Tcp.Syn | Tcp.Fin, Tcp.Syn | Tcp.Rst);

    static readonly Gen<Content> Contents = Gen.Select(
        Flags,
        Gen.OneOf<byte>(64, 64, 64, 64, 64, 255, 2, 1),
        // The longest are about as long as a link takes.
        Gen.Frequency((90, Gen.OneOf(0, 0, 1, 64)), (10, Gen.OneOf(600, 1460, 1461, 1480))),
        Gen.OneOf(100u, 100u, 101u, 101u, uint.MaxValue),
        Gen.OneOf(101u, 101u, 101u, 0u, 7u),
        // Most are the next in sequence. The others are lost, late, at the limits, or forged.
        Gen.Frequency((80, Gen.Const(0)), (20, Gen.OneOf(-1, 1, -64, 64, 1460, -1460, Gap, Gap + 1, -Gap, int.MinValue, 7_654_321))),
        Gen.Frequency((80, Gen.Const(0)), (20, Gen.OneOf(-1, 1, -64, Far, Far + 1, -Far, -Far - 1, int.MinValue, -7_654_321))),
        (flags, ttl, length, sequence, acknowledgment, ahead, ackAhead) =>
            new Content(flags, ttl, length, sequence, acknowledgment, ahead, ackAhead));

    static readonly Gen<Step> Steps = Gen.Frequency(
        (600, Gen.Select(Any, Any, Any, AnyService, Any, Contents,
            (world, client, port, service, servicePort, content) =>
                (Step)new Ask(world, client, port, service, servicePort, content))),
        (750, Gen.Select(Any, Gen.Bool, Contents, (flow, toClient, content) => (Step)new Go(flow, toClient, content))),
        (40, Gen.Select(Any, Contents, (flow, content) => (Step)new Tear(flow, content))),
        (40, Gen.Select(Any, Contents, (flow, content) => (Step)new Age(flow, content))),
        (60, Gen.Select(Any, Any, Any, Any, Any, Gen.Bool, Contents,
            (world, from, fromPort, to, toPort, tcp, content) =>
                (Step)new Stray(world, from, fromPort, to, toPort, tcp, content))),
        // Rare, because the kernel waits for its processors at each change.
        (1, Gen.Select(Any, Any, Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[0, 3],
            (world, service, first, second, third) => (Step)new Weigh(world, service, first, second, third))),
        (2, Gen.Select(Any, Any, Any, Gen.Bool,
            (world, service, backend, isDown) => (Step)new Fail(world, service, backend, isDown))),
        (30, Gen.OneOf(2, 20, 45, 100, 140, 9000).Select(seconds => (Step)new CollectIdle(seconds))));
}
