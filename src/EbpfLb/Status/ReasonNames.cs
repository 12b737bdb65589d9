using System.Text.Json;
using EbpfLb.Abi;

namespace EbpfLb.Status;

static class ReasonNames
{
    /// <summary>A backend's state as printed: <c>draining</c>.</summary>
    public static string ToStatusString(this LbBackendState state) => JsonNamingPolicy.KebabCaseLower.ConvertName(state.ToString());

    /// <summary>A flow table as printed: <c>half-open</c>.</summary>
    public static string ToStatusString(LbFlowTable table) => JsonNamingPolicy.KebabCaseLower.ConvertName(table.ToString());

    /// <summary>What was done with a tunnel's packet, as printed: <c>for other addresses</c>.</summary>
    public static string ToStatusString(DecapResult what) => what switch
    {
        DecapResult.Ipip => "ipip",
        DecapResult.Gue => "gue",
        DecapResult.PassOther => "for other addresses",
        DecapResult.PassMalformed => "malformed",
        DecapResult.DropEcn => "dropped for ECN",
        _ => "dropped",
    };

    /// <summary>A reason as printed: <c>sent-to-backend</c>.</summary>
    public static string ToStatusString(LbReason reason) => JsonNamingPolicy.KebabCaseLower.ConvertName(reason.ToString());
}
