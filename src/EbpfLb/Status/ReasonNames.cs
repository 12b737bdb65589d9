using System.Text.Json;
using EbpfLb.Abi;

namespace EbpfLb.Status;

static class ReasonNames
{
    /// <summary>A flow table as printed: <c>half-open</c>.</summary>
    public static string ToStatusString(LbFlowTable table) => JsonNamingPolicy.KebabCaseLower.ConvertName(table.ToString());

    /// <summary>A reason as printed: <c>sent-to-backend</c>.</summary>
    public static string ToStatusString(LbReason reason) => JsonNamingPolicy.KebabCaseLower.ConvertName(reason.ToString());
}
