using System.Text.Json;
using EbpfLb.Abi;

namespace EbpfLb.Status;

/// <summary>The words of status and metrics for what the datapath names by numbers.</summary>
static class StatusNames
{
    /// <summary>A reason, a backend's state or a flow table: <c>sent-to-backend</c>, <c>draining</c>, <c>half-open</c>.</summary>
    public static string ToStatusString<T>(this T value)
        where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    /// <summary>What was done with a tunnel's packet.</summary>
    public static string ToStatusString(this DecapResult what) => what switch
    {
        DecapResult.Ipip => "ipip",
        DecapResult.Gue => "gue",
        DecapResult.PassOther => "for other addresses",
        DecapResult.PassMalformed => "malformed",
        DecapResult.DropEcn => "dropped for ECN",
        _ => "dropped",
    };
}
