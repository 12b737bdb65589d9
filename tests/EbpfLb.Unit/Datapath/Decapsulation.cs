using System.Buffers.Binary;
using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Unit.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// The program of <c>decapsulate</c> gives the stack what mode tunnel put into a packet to the interface's addresses, and
/// nothing else.
/// </summary>
[Case(PacketCase.Tunnel)]
public sealed class Decapsulation : IDisposable
{
    const int Entropy = 0xcafe;

    readonly BpfObject _object = Load();
    readonly BpfMap<LbAddress, byte> _addresses;
    readonly BpfMap<uint, ulong> _counts;
    readonly Fd _program;

    public Decapsulation()
    {
        _addresses = new(_object.Map("decap_addresses"), "decap_addresses");
        _counts = new(_object.Map("decap_counts"), "decap_counts");
        _program = _object.Program("lb_decap");
        foreach (var hosts in Hosts.OfEachFamily)
            _addresses.Set(LbAddress.From(hosts.Balancer), 1);
    }

    public static IEnumerable<TheoryDataRow<Hosts, TunnelKind, Hosts>> Tunnels =>
        from inside in Hosts.OfEachFamily
        from outer in OuterHeader.All
        select new TheoryDataRow<Hosts, TunnelKind, Hosts>(inside, outer.Mode, outer.Outside);

    [Theory, MemberData(nameof(Tunnels))]
    public void The_inner_packet_remains(Hosts inside, TunnelKind kind, Hosts outside)
    {
        foreach (var packet in (Packet[])[Some.Syn(inside), Some.Datagram(inside), Some.Syn(inside) with { TypeOfService = 0xb9 }])
        {
            var frame = Tunnelled(packet, kind, outside);
            foreach (var cardSummed in (bool[])[false, true])
                IsLeft(packet, frame, Run(frame, cardSummed));
        }

        HasCounted((kind == TunnelKind.Gue ? DecapResult.Gue : DecapResult.Ipip, 6));
    }

    /// <summary>RFC 6040, 4.2: rows are the inner field, columns the outer one, both from not-ECT to CE; null is dropped.</summary>
    [Theory, MemberData(nameof(Tunnels))]
    public void Congestion_that_was_marked_outside_is_marked_inside(Hosts inside, TunnelKind kind, Hosts outside)
    {
        const int NotEct = 0, Ect1 = 1, Ect0 = 2, Ce = 3;
        (int Inner, int Outer, int? Left)[] table =
        [
            (NotEct, NotEct, NotEct), (NotEct, Ect0, NotEct), (NotEct, Ect1, NotEct), (NotEct, Ce, null),
            (Ect0, NotEct, Ect0), (Ect0, Ect0, Ect0), (Ect0, Ect1, Ect1), (Ect0, Ce, Ce),
            (Ect1, NotEct, Ect1), (Ect1, Ect0, Ect1), (Ect1, Ect1, Ect1), (Ect1, Ce, Ce),
            (Ce, NotEct, Ce), (Ce, Ect0, Ce), (Ce, Ect1, Ce), (Ce, Ce, Ce),
        ];

        foreach (var (inner, outer, left) in table)
        {
            var packet = Some.Syn(inside) with { TypeOfService = (byte)(0xb8 | inner) };
            var frame = Tunnelled(packet, kind, outside);
            Mark(frame, outside, outer);
            foreach (var cardSummed in (bool[])[false, true])
            {
                var result = Run(frame, cardSummed);
                if (left is { } expected)
                    IsLeft(packet with { TypeOfService = (byte)(0xb8 | expected) }, frame, result);
                else
                    Assert.Equal(Verdict.Drop, result.Verdict);
            }
        }
        HasCounted((kind == TunnelKind.Gue ? DecapResult.Gue : DecapResult.Ipip, 30), (DecapResult.DropEcn, 2));
    }

    [Theory, MemberData(nameof(Tunnels))]
    public void A_packet_for_another_address_passes(Hosts inside, TunnelKind kind, Hosts outside)
    {
        var frame = new OuterHeader(kind, outside.Alice, outside.Alias).Around(Some.Syn(inside), Entropy);
        TestNetwork.Lan.Mac.Write(frame);

        Run(frame).IsPassedUntouched();

        HasCounted((DecapResult.PassOther, 1));
    }

    [Theory, MemberData(nameof(Tunnels))]
    public void A_packet_without_an_inner_packet_passes(Hosts inside, TunnelKind kind, Hosts outside)
    {
        var frame = Tunnelled(Some.Syn(inside), kind, outside);
        var inner = Packet.EthernetLength + new OuterHeader(kind, outside.Alice, outside.Balancer).Length;
        byte[] other = [.. frame];
        other[inner] = 0x05; // of no IP version; in GUE a header of variant 0

        Run(other).IsPassedUntouched();
        Run(frame[..(inner + 12)]).IsPassedUntouched();
        Run(frame[..inner]).IsPassedUntouched();

        HasCounted((DecapResult.PassMalformed, 3));
    }

    [Theory, MemberData(nameof(Tunnels))]
    public void A_frame_for_another_host_passes(Hosts inside, TunnelKind kind, Hosts outside)
    {
        var frame = Tunnelled(Some.Syn(inside), kind, outside);
        Mac.From(outside.BackendA).Write(frame);

        Run(frame).IsPassedUntouched();

        HasCounted();
    }

    [Theory, OverEachIp]
    public void A_packet_of_no_tunnel_passes(Hosts hosts)
    {
        foreach (var packet in (Packet[])[Some.Syn(hosts), Some.Datagram(hosts), .. Pieces(hosts)])
        {
            var frame = (packet with { DestinationMac = TestNetwork.Lan.Mac }).ToFrame();
            Run(frame).IsPassedUntouched();
        }
        HasCounted();
    }

    [Fact]
    public void The_mirror_of_its_results_is_the_headers()
    {
        var c = Btf.OfEmbedded("decap.bpf.o").Enums.Single(known => known.Name == "decap_result");
        var mirrored = Mirror.EnumOf(typeof(DecapResult), "DECAP_");

        Assert.Equal(
            c.Values.Where(value => value.Key is not ("DECAP_COUNT" or "DECAP_NONE")).OrderBy(value => value.Key),
            mirrored.Values.OrderBy(value => value.Key));
    }

    public void Dispose()
    {
        _program.Dispose();
        _addresses.Dispose();
        _counts.Dispose();
        _object.Dispose();
    }

    static PieceOfPacket[] Pieces(Hosts hosts) =>
        (new UdpPacket(hosts.Alice.Port(1), hosts.Balancer.Port(OuterHeader.GuePort)) { Payload = Some.Bytes(200) }).Fragment(7, 64);

    static byte[] Tunnelled(Packet packet, TunnelKind kind, Hosts outside)
    {
        var frame = new OuterHeader(kind, outside.Alice, outside.Balancer).Around(packet, Entropy);
        TestNetwork.Lan.Mac.Write(frame);
        Mac.From(outside.Alice).Write(frame.AsSpan(Mac.Length));
        return frame;
    }

    static void Mark(byte[] frame, Hosts outside, int ecn)
    {
        var ip = frame.AsSpan(Packet.EthernetLength);
        if (outside == Hosts.Ip6)
        {
            var first = BinaryPrimitives.ReadUInt32BigEndian(ip);
            BinaryPrimitives.WriteUInt32BigEndian(ip, (first & ~(3u << 20)) | (uint)ecn << 20);
            return;
        }
        ip[1] = (byte)((ip[1] & ~3) | ecn);
        ip[10..12].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], InternetChecksum.Compute(ip[..20]));
    }

    static void IsLeft(Packet packet, byte[] came, Outcome result)
    {
        var expected = (packet with { Ttl = (byte)(packet.Ttl - 1) }).ToFrame();
        came.AsSpan(0, 2 * Mac.Length).CopyTo(expected);
        Assert.Equal(Verdict.Pass, result.Verdict);
        FrameComparison.AssertSame(expected, result.Left, "left by the program");
    }

    void HasCounted(params (DecapResult Result, ulong Packets)[] expected) => Assert.Equal(
        expected,
        Enum.GetValues<DecapResult>()
            .Select(result => (result, _counts.SumPerCpu((uint)result)))
            .Where(counted => counted.Item2 != 0));

    Outcome Run(byte[] frame, bool cardSummed = false) => Outcome.OfTc(TestNetwork.Lan, frame, TestNetwork.Shared.Inside(
        () => TestRun.OnTc(_program, frame, TestNetwork.Lan.Index, cardSummed)));

    static BpfObject Load()
    {
        Capabilities.RequireDatapath();
        using var stream = typeof(LbAddress).Assembly.GetManifestResourceStream("decap.bpf.o")!;
        var image = new byte[stream.Length];
        stream.ReadExactly(image);
        var opened = BpfObject.Open("decap", image);
        opened.Load();
        return opened;
    }
}
