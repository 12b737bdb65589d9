using EbpfLb.Abi;
using EbpfLb.Flows;

namespace EbpfLb.Events;

/// <summary>The words by which lines and JSON call events. They are an interface: scripts match them.</summary>
static class EventNames
{
    public const string Ready = "ready";
    public const string Packet = "packet";
    public const string Suppressed = "suppressed";

    public static string From(in LbEvent happened) => happened.Type switch
    {
        LbEventType.Opened => "opened",
        LbEventType.Closed => "closed",
        LbEventType.Refused => From(happened.Reason),
        LbEventType.Packet => Packet,
        _ => throw new ArgumentOutOfRangeException(nameof(happened), happened.Type, "an event of another version"),
    };

    public static string From(FlowEnd why) => why switch
    {
        FlowEnd.Idle => "expired",
        FlowEnd.Drained => "drained",
        FlowEnd.BackendDown => "backend-down",
        _ => "source-lost",
    };

    static string From(LbReason refusal) => refusal switch
    {
        LbReason.RefuseNoBackend => "no-backend",
        LbReason.RefuseNoPort => "no-port",
        LbReason.RefuseNoFlow => "no-room",
        LbReason.RefuseNoRoute => "no-route",
        LbReason.RefuseNoSource => "no-source",
        _ => "refused",
    };
}
