using EbpfLb.Abi;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Model;

/// <summary>Runs a case through the model and the programs, and fails at the first thing that they differ in.</summary>
sealed class SideBySide
{
    static readonly int[] ClientPorts = [40000, 40001, 40002, 40003, 40009, 8080, 1024, 80, 61000];
    static readonly int[] AnyPorts = [80, 81, 8080, 40001, 61000];

    /// <summary>Than a client waits for a silent backend.</summary>
    static readonly TimeSpan Longer = TimeSpan.FromSeconds(4);

    readonly Hook _hook;
    readonly Subject _subject;
    readonly ReferenceModel _model;
    readonly Dictionary<LbReason, long> _reasons = [];
    readonly Dictionary<WorldService, int[]> _weights = [];
    readonly List<(Ends ToBackend, Ends ToClient)> _opened = [];

    public SideBySide(Hook hook, Subject subject)
    {
        _hook = hook;
        _subject = subject;
        _model = new(subject.Settings);
        foreach (var world in World.All)
        {
            foreach (var service in world.Services)
                _model.Publish(service, SlotsOf(service));
        }
    }

    /// <summary>How many packets the case had.</summary>
    public int Packets { get; private set; }

    /// <summary>Every backend once.</summary>
    public static uint[] SlotsOf(WorldService service) => SlotsOf(service, 1, 1, 1);

    static uint[] SlotsOf(WorldService service, params int[] weights) => SlotTable.Build(
        [.. service.Backends.Select((backend, i) => (backend.Id, weights.ElementAtOrDefault(i)))]);

    public void Run(Step[] steps)
    {
        var before = _subject.Count();
        var touched = new HashSet<WorldService>();
        for (var i = 0; i < steps.Length; i++)
        {
            try
            {
                Take(steps[i], touched);
            }
            catch (Disagreement disagreement)
            {
                Restore(touched);
                throw new Disagreement($"at step {i}, {steps[i]}: {disagreement.Message}");
            }
        }
        Restore(touched);
        Compare("flows", _model.Halves.Select(half => half.Describe()), _subject.DescribeHalves());
        Compare("live flows", _model.Live.Where(live => live.Value != 0).Select(live => $"{(live.Key, live.Value)}"),
            _subject.Live().Select(live => $"{live}"));
        var after = _subject.Count();
        Compare("counters", Expected(), after.Where(count => count.Value != before[count.Key])
            .Select(count => $"{count.Key}: {count.Value - before[count.Key]}"));
    }

    void Take(Step step, HashSet<WorldService> touched)
    {
        switch (step)
        {
            case Step.Weigh weigh:
                var service = At(At(World.All, weigh.World).Services, weigh.Service);
                _weights[service] = [weigh.First, weigh.Second, weigh.Third];
                touched.Add(service);
                Publish(service);
                break;
            case Step.Fail fail:
                var failing = At(At(World.All, fail.World).Services, fail.Service);
                var backend = At(failing.Backends, fail.Backend).Id;
                if (fail.IsDown ? !_model.Down.Add(backend) : !_model.Down.Remove(backend))
                    break;
                touched.Add(failing);
                _subject.SetState(backend, fail.IsDown ? LbBackendState.Down : LbBackendState.Up);
                Publish(failing);
                break;
            case Step.CollectIdle collection:
                _model.Pass(TimeSpan.FromSeconds(collection.Seconds));
                _subject.Pass(TimeSpan.FromSeconds(collection.Seconds));
                break;
            case Step.Tear tear when _opened.Count > 0:
                var (fromClient, _) = Latest(tear.Flow);
                if (_model.Tear(fromClient))
                    _subject.Tear(fromClient);
                Receive(Make(fromClient, Tracked(fromClient, tear.Content)));
                break;
            case Step.Age age when _opened.Count > 0:
                var (opener, _) = Latest(age.Flow);
                if (_model.Age(opener, Longer))
                    _subject.Age(opener, Longer);
                Receive(Make(opener, age.Content with { Flags = Tcp.Syn }));
                break;
            case Step.Tear or Step.Age:
                break;
            default:
                if (PacketOf(step) is { } packet)
                    Receive(packet);
                break;
        }
    }

    /// <summary>The slots of the backends that are not down, by their weights.</summary>
    void Publish(WorldService service)
    {
        var weights = _weights.GetValueOrDefault(service, [1, 1, 1]);
        var slots = SlotsOf(service, [.. service.Backends.Select(
            (backend, i) => _model.Down.Contains(backend.Id) ? 0 : weights.ElementAtOrDefault(i))]);
        _model.Publish(service, slots);
        _subject.Publish(service, slots);
    }

    void Restore(HashSet<WorldService> touched)
    {
        foreach (var service in touched)
        {
            foreach (var backend in service.Backends)
                _subject.SetState(backend.Id, LbBackendState.Unchecked);
            _subject.Publish(service, SlotsOf(service));
        }
    }

    Packet? PacketOf(Step step)
    {
        switch (step)
        {
            case Step.Ask ask:
                var world = At(World.All, ask.World);
                var service = At(world.Services, ask.Service);
                var port = service.At.Port == 0 ? At(AnyPorts, ask.ServicePort) : service.At.Port;
                return Make(
                    new(
                        service.Protocol,
                        new(At(world.Clients, ask.Client).Address, At(ClientPorts, ask.Port)),
                        new(service.At.Address, port)),
                    ask.Content);
            case Step.Go go:
                if (_opened.Count == 0)
                    return null;
                var (toBackend, toClient) = Latest(go.Flow);
                return Make(go.ToClient ? toClient : toBackend, Tracked(go.ToClient ? toClient : toBackend, go.Content));
            case Step.Stray stray:
                var around = At(World.All, stray.World);
                return Make(
                    new(
                        stray.Tcp ? TcpPacket.ProtocolNumber : UdpPacket.ProtocolNumber,
                        new(At(around.Hosts, stray.From).Address, At(ClientPorts, stray.FromPort)),
                        new(At(around.Addresses, stray.To), At(ClientPorts, stray.ToPort))),
                    stray.Content);
            default:
                throw new ArgumentException($"{step} is no packet");
        }
    }

    /// <summary>Of the flows so far the latest mostly, so that these get far.</summary>
    (Ends ToBackend, Ends ToClient) Latest(int number) => _opened[^(1 + (number % Math.Min(_opened.Count, 12)))];

    /// <summary>With the numbers that belong to a flow, or are off by as much as the content says.</summary>
    Content Tracked(Ends ends, Content content) =>
        content.Flags.HasFlag(Tcp.Syn) || _model.NumbersOf(ends) is not { } numbers || !numbers.Own.IsTracked
            ? content
            : content with
            {
                Sequence = numbers.Own.SeqNext + (uint)content.Ahead,
                Acknowledgment = numbers.Other.SeqNext + (uint)content.AckAhead,
            };

    static Packet Make(Ends ends, Content content)
    {
        Packet packet = ends.Protocol == TcpPacket.ProtocolNumber
            ? new TcpPacket(ends.Source, ends.Destination, content.Flags)
            {
                Sequence = content.Sequence,
                Acknowledgment = content.Flags.HasFlag(Tcp.Ack) ? content.Acknowledgment : 0,
            }
            : new UdpPacket(ends.Source, ends.Destination);
        return packet with
        {
            Ttl = content.Ttl,
            Payload = new byte[content.Length],
            SourceMac = World.HostAt(ends.Source.Address)?.Mac,
            DestinationMac = World.HostAt(ends.Source.Address)?.Side.Mac,
        };
    }

    void Receive(Packet packet)
    {
        Packets++;
        var ingress = World.HostAt(packet.Source.Address)!.Side;
        var frame = packet.ToFrame();
        var handling = _subject.Receive(frame, ingress);
        if (_hook == Hook.Tc || handling.Fate != Fate.Passed)
        {
            Judge(packet, frame, ingress, handling, byXdp: _hook == Hook.Xdp);
            return;
        }
        if (!handling.Left.AsSpan().SequenceEqual(frame))
            throw new Disagreement($"{Describe(packet)} was passed, but changed");
        // tc knows more of checksums, and chooses anew: it may find a port where XDP's choice had none.
        var tcMayFareBetter = MayPassForPartial(packet, frame) || _model.MayChooseOneWithoutPort(packet);
        var reason = Judge(packet, frame, ingress, _subject.ReceiveOnTc(handling.Left, ingress), byXdp: false);
        var isSent = reason is LbReason.SentToBackend or LbReason.SentToClient;
        if (isSent && !tcMayFareBetter)
            throw new Disagreement($"{Describe(packet)} was left to tc, though XDP could carry it");
        Count(isSent || IsLeftToTc(reason) ? LbReason.PassToTc : reason);
    }

    /// <summary>One checksum in 65,536 is right, and is the one that hardware would have to finish as well.</summary>
    static bool MayPassForPartial(Packet packet, byte[] frame) =>
        (packet with { Checksum = L4Checksum.Partial }).ToFrame().AsSpan().SequenceEqual(frame);

    LbReason Judge(Packet packet, byte[] frame, Side ingress, Handling handling, bool byXdp)
    {
        Ends? sent = null;
        if (handling.Fate is Fate.SentBack or Fate.SentOn && new Frame(handling.Left) is { HasPorts: true } left)
            sent = new(packet.Protocol, left.Source, left.Destination);
        var ruling = _model.Receive(packet, sent);
        if (byXdp && IsLeftToTc(ruling.Reason))
            throw new Disagreement($"{Describe(packet)} is tc's ({ruling.Reason}), but was {handling.Fate} by XDP");
        Count(ruling.Reason);
        Compare(packet, frame, ingress, handling, ruling, byXdp);
        if (ruling.Reason == LbReason.SentToBackend)
        {
            var asked = new Ends(packet.Protocol, packet.Source, packet.Destination);
            Remember(asked, ruling.Tunnel is null ? sent!.Value : asked);
        }
        return ruling.Reason;
    }

    void Count(LbReason reason) => _reasons[reason] = _reasons.GetValueOrDefault(reason) + 1;

    static bool IsLeftToTc(LbReason reason) => IsRefusal(reason) || IsAnswer(reason);

    static bool IsAnswer(LbReason reason) => reason is LbReason.SentTimeExceeded or LbReason.SentTooBig
        or LbReason.SentUnreachable;

    static bool IsRefusal(LbReason reason) => reason is LbReason.RefuseUnknownFlow or LbReason.RefuseNoBackend
        or LbReason.RefuseNoPort or LbReason.RefuseNoFlow or LbReason.RefuseNoRoute or LbReason.RefuseNoSource;

    /// <summary>What is sent on with the client's own ends is answered by the backend itself, past the balancer.</summary>
    void Remember(Ends asked, Ends sent)
    {
        var answer = sent == asked ? asked : sent.Reversed;
        if (!_opened.Contains((asked, answer)))
            _opened.Add((asked, answer));
    }

    static void Compare(Packet packet, byte[] frame, Side ingress, Handling handling, Ruling ruling, bool byXdp)
    {
        var way = ruling.To is null ? null : World.HostAt(ruling.To)!;
        var fate = ruling.Reason switch
        {
            _ when way is null => Fate.Passed,
            _ => byXdp && way.Side == ingress ? Fate.SentBack : Fate.SentOn,
        };
        if (handling.Fate != fate)
            throw new Disagreement($"{Describe(packet)} is to be {fate} ({ruling.Reason}), but was {handling.Fate}");
        var expected = ruling.Leaves switch
        {
            null => frame,
            IcmpError answer => answer.ToFrame(),
            var inner when ruling.Tunnel is { } tunnel =>
                Addressed(tunnel.Header.Around(inner, tunnel.Port), packet, way!, handling, byXdp),
            var leaves => Expected(leaves, packet, way!, handling, byXdp),
        };
        if (handling.Left.AsSpan().SequenceEqual(expected))
            return;
        throw new Disagreement(
            $"{Describe(packet)} ({ruling.Reason})\n{FrameComparison.Describe(expected, handling.Left)}");
    }

    /// <summary>The Ethernet addresses are the way's, or on tc those that came, for the kernel to write.</summary>
    static byte[] Expected(Packet leaves, Packet came, Host way, Handling handling, bool byXdp)
    {
        var kernelWrites = !byXdp && Mac.Read(handling.Left) == came.DestinationMac;
        return (leaves with
        {
            SourceMac = kernelWrites ? came.SourceMac : way.Side.Mac,
            DestinationMac = kernelWrites ? came.DestinationMac : way.Mac,
        }).ToFrame();
    }

    static byte[] Addressed(byte[] frame, Packet came, Host way, Handling handling, bool byXdp)
    {
        var kernelWrites = !byXdp && Mac.Read(handling.Left) == came.DestinationMac;
        (kernelWrites ? came.DestinationMac!.Value : way.Mac).Write(frame);
        (kernelWrites ? came.SourceMac!.Value : way.Side.Mac).Write(frame.AsSpan(Mac.Length));
        return frame;
    }

    IEnumerable<string> Expected()
    {
        var counts = _reasons.ToDictionary(reason => $"{reason.Key}", reason => reason.Value);
        foreach (var (service, traffic) in _model.ServiceTraffic)
            counts.AddTraffic($"service {service}", traffic);
        foreach (var (backend, traffic) in _model.BackendTraffic)
            counts.AddTraffic($"backend {backend}", traffic);
        return counts.Where(count => count.Value != 0).Select(count => $"{count.Key}: {count.Value}");
    }

    static void Compare(string what, IEnumerable<string> expected, IEnumerable<string> actual)
    {
        var model = expected.ToHashSet();
        var program = actual.ToHashSet();
        if (model.SetEquals(program))
            return;
        throw new Disagreement(
            $"the {what} differ\n  only in the model:\n    {string.Join("\n    ", model.Except(program).Order())}"
            + $"\n  only in the program:\n    {string.Join("\n    ", program.Except(model).Order())}");
    }

    static string Describe(Packet packet) =>
        $"{new Ends(packet.Protocol, packet.Source, packet.Destination)} {(packet as TcpPacket)?.Flags}";

    static T At<T>(IReadOnlyList<T> list, int number) => list[number % list.Count];
}
