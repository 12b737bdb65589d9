using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace EbpfLb.Lab.Traffic;

/// <summary>What a backend answered: the lines of nginxdemos/hello:plain-text.</summary>
/// <param name="Server">The backend's name.</param>
/// <param name="ServerAddress">The address it was asked at.</param>
/// <param name="Uri">The path it was asked for.</param>
/// <param name="RequestId">Its own number for the request.</param>
/// <param name="Client">Where the question came from, as the client sees it.</param>
/// <param name="IsNewConnection">Whether the client opened a connection for it.</param>
public sealed partial record Answer(
    string Server, IPEndPoint ServerAddress, string Uri, string RequestId, IPEndPoint Client, bool IsNewConnection)
{
    /// <summary>Reads the lines of one answer; the last two facts are the client's.</summary>
    /// <exception cref="LabException">It is not such an answer, or not a complete one.</exception>
    public static Answer Parse(string text, IPEndPoint client, bool isNewConnection) =>
        TryParse(text, client, isNewConnection, out var answer)
            ? answer
            : throw new LabException($"This is not a backend's complete answer: '{text}'");

    /// <summary>As <see cref="Parse"/>, and tells whether it is such an answer.</summary>
    public static bool TryParse(
        string text, IPEndPoint client, bool isNewConnection, [NotNullWhen(true)] out Answer? answer)
    {
        var match = Lines().Match(text);
        answer = match.Success
            ? new Answer(match.Groups["name"].Value, EndPoint(match.Groups["address"].Value, match.Groups["port"].Value),
                match.Groups["uri"].Value, match.Groups["id"].Value, client, isNewConnection)
            : null;
        return match.Success;
    }

    internal static IPEndPoint EndPoint(string address, string port) =>
        new(IPAddress.Parse(address), int.Parse(port, CultureInfo.InvariantCulture));

    [GeneratedRegex(
        """
        ^Server address: (?<address>\S+):(?<port>\d+)
        Server name: (?<name>\S+)
        Date: .+
        URI: (?<uri>\S+)
        Request ID: (?<id>[0-9a-f]{32})\s*$
        """, RegexOptions.ExplicitCapture)]
    private static partial Regex Lines();
}
