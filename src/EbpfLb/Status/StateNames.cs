using System.Text.Json;
using EbpfLb.Abi;

namespace EbpfLb.Status;

static class StateNames
{
    /// <summary>How a backend stands, as scripts and people read it: <c>draining</c>.</summary>
    public static string ToStatusString(this LbBackendState state) => JsonNamingPolicy.KebabCaseLower.ConvertName(state.ToString());
}
