using System.Net;
using EbpfLb.Abi;
using EbpfLb.Events;
using EbpfLb.Flows;

namespace EbpfLb.Unit.Events;

public sealed class EventsPrintAsLines
{
    static readonly LbTuple Client = Tuple("192.0.2.5", 41234, "192.0.2.2", 80, 6);
    static readonly LbTuple Backend = Tuple("192.0.2.2", 41234, "192.0.2.3", 8080, 6);

    [Fact]
    public void An_opened_flow_names_client_service_and_backend()
    {
        var line = Printed(new() { Type = LbEventType.Opened, Before = Client, After = Backend });

        Assert.Equal(["opened tcp 192.0.2.5:41234 -> web 192.0.2.2:80 => 192.0.2.3:8080"], line);
    }

    [Fact]
    public void A_closed_flow_has_its_bytes_and_its_duration()
    {
        var line = Printed(new()
        {
            Type = LbEventType.Closed,
            Before = Client,
            After = Backend,
            Bytes = 1234,
            Packets = 11,
            DurationNs = 12_400_000,
        });

        Assert.Equal(
            ["closed tcp 192.0.2.5:41234 -> web 192.0.2.2:80 => 192.0.2.3:8080 bytes=1234 packets=11 duration=0.012s"],
            line);
    }

    [Theory]
    [InlineData((int)FlowEnd.Idle, "expired")]
    [InlineData((int)FlowEnd.Drained, "drained")]
    [InlineData((int)FlowEnd.BackendDown, "backend-down")]
    [InlineData((int)FlowEnd.SourceLost, "source-lost")]
    public void An_expired_flow_and_a_cut_flow_have_words_of_their_own(int why, string word)
    {
        using var output = new StringWriter { NewLine = "\n" };

        new EventLines(output, _ => "web").WriteEnded(new() { Before = Client, After = Backend, Packets = 3 }, (FlowEnd)why);

        Assert.StartsWith($"{word} tcp 192.0.2.5:41234 -> web 192.0.2.2:80 => 192.0.2.3:8080 bytes=0 packets=3", output.ToString());
    }

    [Theory]
    [InlineData((int)FlowEnd.Idle, 2)]
    [InlineData((int)FlowEnd.Drained, 10)]
    [InlineData((int)FlowEnd.BackendDown, 10)]
    [InlineData((int)FlowEnd.SourceLost, 10)]
    public void A_silent_flow_lasts_to_its_last_packet_or_until_it_is_cut(int why, int seconds)
    {
        const ulong Second = 1_000_000_000;
        var flow = new LbFlow { OpenedNs = 100 * Second, Seen = LbFlow.SeenAt(102 * Second) };

        var closed = ClosedEvent.Create(default, flow, default, (FlowEnd)why, 110 * Second);

        Assert.InRange(closed.DurationNs, (ulong)seconds * Second - Second / 100, (ulong)seconds * Second + Second / 100);
    }

    [Theory]
    [InlineData((int)LbReason.RefuseUnknownFlow, "refused")]
    [InlineData((int)LbReason.RefuseNoBackend, "no-backend")]
    [InlineData((int)LbReason.RefuseNoPort, "no-port")]
    [InlineData((int)LbReason.RefuseNoFlow, "no-room")]
    [InlineData((int)LbReason.RefuseNoRoute, "no-route")]
    [InlineData((int)LbReason.RefuseNoSource, "no-source")]
    public void A_refusal_has_its_reason(int reason, string word)
    {
        var refused = new LbEvent { Type = LbEventType.Refused, Reason = (LbReason)reason, Before = Client, After = Client, Backend = Limits.NoId };

        Assert.Equal([$"{word} tcp 192.0.2.5:41234 -> web 192.0.2.2:80"], Printed(refused));
        Assert.Equal(
            [$"{word} tcp 192.0.2.5:41234 -> web 192.0.2.2:80 => 192.0.2.3:8080"], Printed(refused with { After = Backend, Backend = 7 }));
    }

    [Theory]
    [InlineData(6, "TCP")]
    [InlineData(17, "UDP")]
    public void A_packet_has_its_source_and_its_destination(byte protocol, string word)
    {
        var lines = Printed(new()
        {
            Type = LbEventType.Packet,
            Before = Client with { Protocol = protocol },
            After = Backend with { Protocol = protocol },
        });

        Assert.Equal([$"incoming {word} packet from: 192.0.2.5", $"outgoing {word} packet to: 192.0.2.3"], lines);
    }

    [Fact]
    public void Ipv6_endpoints_have_brackets_and_addresses_alone_have_none()
    {
        var client = Tuple("2001:db8::5", 41234, "2001:db8::2", 80, 6);
        var backend = Tuple("2001:db8::2", 41234, "2001:db8::3", 8080, 6);

        Assert.Equal(
            ["opened tcp [2001:db8::5]:41234 -> web [2001:db8::2]:80 => [2001:db8::3]:8080"],
            Printed(new() { Type = LbEventType.Opened, Before = client, After = backend }));
        Assert.Equal(
            ["incoming TCP packet from: 2001:db8::5", "outgoing TCP packet to: 2001:db8::3"],
            Printed(new() { Type = LbEventType.Packet, Before = client, After = backend }));
    }

    static string[] Printed(LbEvent happened)
    {
        using var output = new StringWriter { NewLine = "\n" };
        new EventLines(output, _ => "web").Write(happened);
        return output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    static LbTuple Tuple(string source, ushort sourcePort, string destination, ushort destinationPort, byte protocol) => new()
    {
        Src = LbAddress.From(IPAddress.Parse(source)),
        Dst = LbAddress.From(IPAddress.Parse(destination)),
        Sport = BigEndianPort.From(sourcePort),
        Dport = BigEndianPort.From(destinationPort),
        Protocol = protocol,
    };
}
