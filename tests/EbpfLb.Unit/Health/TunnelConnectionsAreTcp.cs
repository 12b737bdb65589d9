using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using EbpfLb.Health.Tunnels;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Health;

/// <summary>A check's own TCP writes what a kernel accepts, and withstands loss, repetition and strangers.</summary>
public sealed class TunnelConnectionsAreTcp
{
    static readonly IPEndPoint Local = IPEndPoint.Parse("192.0.2.1:65000"), Remote = IPEndPoint.Parse("192.0.2.80:80");
    static readonly byte[] Request = Encoding.ASCII.GetBytes("GET /"), Answer = Encoding.ASCII.GetBytes("a long answer");

    readonly WaitingClock _time = new(TimeSpan.FromMilliseconds(50));

    public static IEnumerable<TheoryDataRow<Hosts>> Families => Hosts.OfEachFamily.Select(hosts => new TheoryDataRow<Hosts>(hosts));

    [Theory, MemberData(nameof(Families))]
    public void A_segment_is_written_and_read_as_the_RFCs_say(Hosts hosts)
    {
        foreach (var (flags, options, payload) in ((Tcp, byte[], byte[])[])
            [(Tcp.Syn, [2, 4, 0x04, 0xc4], []), (Tcp.Ack | Tcp.Psh, [], Some.Bytes(31)), (Tcp.Ack, [], Some.Bytes(530))])
        {
            var packet = new TcpPacket(hosts.Alice.Port(65000), hosts.Web, flags)
            {
                Sequence = 0xfedcba98,
                Acknowledgment = 0x12345678,
                Window = ushort.MaxValue,
                Options = options,
                Payload = payload,
                Identification = 0,
            };
            var expected = packet.ToFrame()[Packet.EthernetLength..];
            var segment = new TcpSegment(packet.Source, packet.Destination, packet.Sequence, packet.Acknowledgment, (TcpFlags)flags, payload);

            Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(segment.ToPacket()));
            var read = TcpSegment.Read(new([.. expected, 0, 0])); // Ethernet pads
            Assert.Equal(segment with { Data = default }, read! with { Data = default });
            Assert.Equal(payload, read.Data);
            Assert.All(Enumerable.Range(0, expected.Length), length => Assert.Null(TcpSegment.Read(expected.AsMemory(0, length))));
        }
        Assert.Null(TcpSegment.Read(Some.Datagram(hosts).ToFrame().AsMemory(Packet.EthernetLength)));
    }

    [Fact]
    public async Task Lost_segments_are_sent_again()
    {
        foreach (var lost in Enumerable.Range(0, 16))
        {
            var peer = new Peer { IsLost = number => (lost >> number & 1) != 0 };
            await using var stream = await _time.UntilAsync(ConnectAsync(peer).AsTask());

            await _time.UntilAsync(AskAsync(stream));

            Assert.Equal(Request, peer.Received);
        }
    }

    [Fact]
    public async Task A_long_request_arrives_in_order()
    {
        var request = Some.Bytes(5000);
        var peer = new Peer { IsLost = number => number % 3 == 2 };
        await using var stream = await _time.UntilAsync(ConnectAsync(peer).AsTask());

        await _time.UntilAsync(Task.Run(async () =>
        {
            await stream.WriteAsync(request);
            return true;
        }));

        Assert.Equal(request, peer.Received);
    }

    [Fact]
    public async Task An_answer_is_read_once_whatever_is_repeated_or_out_of_order()
    {
        var peer = new Peer { Answers = [(0, 6), (0, 6), (9, 13), (3, 9), (2, 4), (9, 13)] };
        await using var stream = await ConnectAsync(peer);

        Assert.Equal(Answer, await AskAsync(stream));
    }

    [Fact]
    public async Task Strangers_neither_refuse_nor_accept_a_connection()
    {
        var peer = new Peer();
        peer.Before = syn =>
        [
            new(IPEndPoint.Parse("192.0.2.81:80"), Local, 7, syn.Sequence + 1, TcpFlags.Rst | TcpFlags.Ack, default),
            new(IPEndPoint.Parse("192.0.2.80:81"), Local, 7, syn.Sequence + 1, TcpFlags.Syn | TcpFlags.Ack, default),
            new(Remote, Local, 7, syn.Sequence + 2, TcpFlags.Syn | TcpFlags.Ack, default),
            new(Remote, Local, 7, syn.Sequence, TcpFlags.Rst | TcpFlags.Ack, default),
            new(Remote, Local, 7, 0, TcpFlags.Rst, default),
        ];
        await using var stream = await ConnectAsync(peer);
        peer.Say(new(Remote, Local, Peer.First + 2, 0, TcpFlags.Rst, default)); // not the next number

        Assert.Equal(Answer, await AskAsync(stream));
    }

    [Fact]
    public async Task A_reset_is_an_error()
    {
        var refusing = new Peer();
        refusing.Before = syn => [new(Remote, Local, 0, syn.Sequence + 1, TcpFlags.Rst | TcpFlags.Ack, default)];
        var refused = await Assert.ThrowsAsync<SocketException>(async () => await ConnectAsync(refusing));
        var peer = new Peer();
        await using var stream = await ConnectAsync(peer);
        peer.Say(new(Remote, Local, Peer.First + 1, 0, TcpFlags.Rst, default));
        var reset = await Assert.ThrowsAsync<SocketException>(() => AskAsync(stream));

        Assert.Equal((SocketError.ConnectionRefused, SocketError.ConnectionReset), (refused.SocketErrorCode, reset.SocketErrorCode));
        Assert.True(refusing.IsDisposed);
    }

    [Fact]
    public async Task The_end_of_a_connection_resets_it()
    {
        var peer = new Peer();
        var stream = await ConnectAsync(peer);

        await stream.DisposeAsync();
        await stream.DisposeAsync();

        Assert.Single(peer.Sent, segment => segment.Flags.HasFlag(TcpFlags.Rst) && segment.Acknowledged == Peer.First + 1);
        Assert.True(peer.IsDisposed);
    }

    ValueTask<TunnelStream> ConnectAsync(Peer peer) =>
        TunnelStream.ConnectAsync(peer, Remote, _time, TestContext.Current.CancellationToken);

    static async Task<byte[]> AskAsync(Stream stream)
    {
        await stream.WriteAsync(Request);
        using var answer = new MemoryStream();
        await stream.CopyToAsync(answer);
        return answer.ToArray();
    }

    /// <summary>The other end, which answers a request, and closes.</summary>
    sealed class Peer : ITunnelPath
    {
        public const uint First = uint.MaxValue - 3; // numbers wrap

        readonly Channel<TcpSegment> _toUs = Channel.CreateUnbounded<TcpSegment>();
        readonly List<byte> _received = [];
        uint _expected;
        int _number;

        public List<TcpSegment> Sent { get; } = [];

        public byte[] Received => [.. _received];

        /// <summary>True for those of our segments, by their number, that do not arrive.</summary>
        public Func<int, bool> IsLost { get; init; } = _ => false;

        /// <summary>What comes before the answer to a SYN.</summary>
        public Func<TcpSegment, TcpSegment[]> Before { get; set; } = _ => [];

        /// <summary>The parts of the answer, as they are sent.</summary>
        public (int From, int To)[] Answers { get; init; } = [(0, Answer.Length)];

        public bool IsDisposed { get; private set; }

        public IPEndPoint Local => TunnelConnectionsAreTcp.Local;

        public void Say(TcpSegment segment) => _toUs.Writer.TryWrite(segment);

        public ValueTask SendAsync(TcpSegment segment, CancellationToken cancellation)
        {
            Sent.Add(segment);
            if (IsLost(_number++))
                return default;
            if (segment.Flags.HasFlag(TcpFlags.Syn))
            {
                foreach (var first in Before(segment))
                    Say(first);
                _expected = segment.Sequence + 1;
                Say(new(Remote, Local, First, _expected, TcpFlags.Syn | TcpFlags.Ack, default));
            }
            else if (!segment.Data.IsEmpty && segment.Sequence - _expected == 0)
            {
                _expected += (uint)segment.Data.Length;
                _received.AddRange(segment.Data.ToArray());
                Acknowledge();
            }
            else if (!segment.Data.IsEmpty)
            {
                Acknowledge();
            }
            return default;
        }

        public ValueTask<TcpSegment> ReceiveAsync(CancellationToken cancellation) => _toUs.Reader.ReadAsync(cancellation);

        public void Dispose() => IsDisposed = true;

        void Acknowledge()
        {
            foreach (var (from, to) in Answers)
            {
                Say(new(Remote, Local, First + 1 + (uint)from, _expected,
                    TcpFlags.Ack | (to == Answer.Length ? TcpFlags.Fin : TcpFlags.None), Answer.AsMemory(from, to - from)));
            }
        }
    }
}
