using System.Text.Json;
using EbpfLb.Abi;
using EbpfLb.Events;
using EbpfLb.Flows;
using Microsoft.Extensions.Time.Testing;

namespace EbpfLb.Unit.Events;

public sealed class EventsAreWrittenAsJson
{
    const string Time = "\"time\":\"2026-11-30T12:00:00Z\"";
    const string Flow = "\"protocol\":\"tcp\",\"client\":\"192.0.2.5:41234\",\"service\":\"web+1\",\"endpoint\":\"192.0.2.2:80\"";

    static readonly LbTuple Client = Tuple("192.0.2.5", 41234, "192.0.2.2", 80);
    static readonly LbTuple Backend = Tuple("192.0.2.2", 41234, "192.0.2.3", 8080);

    [Fact]
    public void An_opened_flow() => Assert.Equal(
        $$"""{{{Time}},"event":"opened",{{Flow}},"backend":"192.0.2.3:8080"}""",
        Written(writer => writer.Write(new() { Type = LbEventType.Opened, Before = Client, After = Backend })));

    [Fact]
    public void A_closed_flow_with_its_totals() => Assert.Equal(
        $$"""{{{Time}},"event":"closed",{{Flow}},"backend":"192.0.2.3:8080","bytes":1234,"packets":11,"durationSeconds":0.012}""",
        Written(writer => writer.Write(Closed)));

    [Theory, InlineData((int)FlowEnd.Idle, "expired"), InlineData((int)FlowEnd.Drained, "drained")]
    public void A_flow_that_user_space_ended(int why, string name) => Assert.StartsWith(
        $$"""{{{Time}},"event":"{{name}}",{{Flow}},"backend":""", Written(writer => writer.WriteEnded(Closed, (FlowEnd)why)), StringComparison.Ordinal);

    [Fact]
    public void A_refusal_has_the_backend_that_was_selected_if_there_is_one()
    {
        var refused = new LbEvent { Type = LbEventType.Refused, Reason = LbReason.RefuseNoBackend, Before = Client, After = Client, Backend = Limits.NoId };

        Assert.Equal($$"""{{{Time}},"event":"no-backend",{{Flow}}}""", Written(writer => writer.Write(refused)));
        Assert.Equal(
            $$"""{{{Time}},"event":"no-route",{{Flow}},"backend":"192.0.2.3:8080"}""",
            Written(writer => writer.Write(refused with { Reason = LbReason.RefuseNoRoute, After = Backend, Backend = 7 })));
    }

    [Fact]
    public void A_packet() => Assert.Equal(
        $$"""{{{Time}},"event":"packet","protocol":"tcp","from":"192.0.2.5:41234","to":"192.0.2.3:8080"}""",
        Written(writer => writer.Write(new() { Type = LbEventType.Packet, Before = Client, After = Backend })));

    [Fact]
    public void Suppressed_events_and_the_ready_line()
    {
        Assert.Equal($$"""{{{Time}},"event":"suppressed","message":"12 opened"}""", Written(writer => writer.WriteSuppressed("12 opened")));
        Assert.Equal($$"""{{{Time}},"event":"ready","message":"ready: web"}""", Written(writer => writer.WriteReady("ready: web")));
    }

    static LbEvent Closed => new()
    {
        Type = LbEventType.Closed,
        Before = Client,
        After = Backend,
        Bytes = 1234,
        Packets = 11,
        DurationNs = 12_400_000,
    };

    static string Written(Action<EventJson> write)
    {
        using var output = new StringWriter { NewLine = "\n" };
        write(new(output, _ => "web+1", new FakeTimeProvider(new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero))));
        var line = Assert.Single($"{output}".Split('\n', StringSplitOptions.RemoveEmptyEntries));
        JsonDocument.Parse(line).Dispose();
        return line;
    }

    static LbTuple Tuple(string source, ushort sourcePort, string destination, ushort destinationPort) => new()
    {
        Src = LbAddress.From(System.Net.IPAddress.Parse(source)),
        Dst = LbAddress.From(System.Net.IPAddress.Parse(destination)),
        Sport = BigEndianPort.From(sourcePort),
        Dport = BigEndianPort.From(destinationPort),
        Protocol = (byte)TransportProtocol.Tcp,
    };
}
