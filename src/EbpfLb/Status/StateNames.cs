using System.Text.Json;
using EbpfLb.Abi;

namespace EbpfLb.Status;

static class StateNames
{
    /// <summary>A backend's state as printed: <c>draining</c>.</summary>
    public static string ToStatusString(this LbBackendState state) => JsonNamingPolicy.KebabCaseLower.ConvertName(state.ToString());
}
