using System.Globalization;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Traffic;

/// <summary>HTTP with curl, from inside a client's container. No two requests ask for the same path.</summary>
static class Curl
{
    // What curl tells after each answer; the mark stands in no answer.
    const string Mark = "## ";
    const string Facts = $"{Mark}%{{local_ip}} %{{local_port}} %{{num_connects}} %{{http_code}}\\n";

    public static async Task<IReadOnlyList<Answer>> OneByOneAsync(Client client, string host, int times) =>
        Parse(await client.ShellAsync(
            """
            for i in $(seq "$3"); do
                curl --silent --show-error --max-time 10 --write-out "$1" "$2/$i" || exit
            done
            """, Facts, UniqueUrl(host), times), times);

    public static async Task<IReadOnlyList<Answer>> OnOneConnectionAsync(Client client, Role server, int times) =>
        Parse(await client.ShellAsync(
            """
            curl --silent --show-error --max-time 60 --write-out "$1" "$2/[1-$3]"
            """, Facts, UniqueUrl(server.Host), times), times);

    /// <param name="fromPort">The first of as many source ports, all of which are used; 0: the client chooses.</param>
    /// <remarks>
    /// Each answer has a file of its own: on one output they could mix. And each has a connection of its own: curl
    /// would give a late request the connection of an early answer, which is no new choice of a backend.
    /// </remarks>
    public static async Task<IReadOnlyList<Answer>> InParallelAsync(
        Client client, Role server, int times, int fromPort)
    {
        var answers = Parse(await client.ShellAsync(
            """
            cd "$(mktemp --directory)"
            curl --silent --show-error --max-time 60 --parallel --parallel-immediate --parallel-max "$3" \
                --header 'Connection: close' ${4:+--local-port "$4"} \
                --write-out "%{filename_effective} $1" --output '#1' "$2/[1-$3]" >facts || exit
            while read -r file facts; do cat "$file"; echo "$facts"; done <facts
            """, Facts, UniqueUrl(server.Host), times, fromPort == 0 ? "" : $"{fromPort}-{fromPort + times - 1}"), times);
        return answers.TrueForAll(answer => answer.IsNewConnection)
            ? answers
            : throw new LabException($"{client.Name}: some of {times} requests shared a connection");
    }

    public static async Task<RemoteFile> DownloadAsync(
        Client client, Role server, RemoteFile file, TimeSpan lasting)
    {
        var rate = lasting > TimeSpan.Zero ? (long)(file.Bytes / lasting.TotalSeconds) : 0;
        var output = await client.TryTransferAsync(file.Bytes >> 20,
            """
            curl --silent --show-error --fail --max-time "$4" --limit-rate "$3" \
                --write-out '%{stderr}%{size_download}' "http://$1$2" |
                sha256sum
            """, server.Host, file.Path, rate);
        return long.TryParse(output.Stderr, out var bytes)
            ? new RemoteFile(file.Path, bytes, output.Stdout.Split(' ')[0])
            : throw new LabException($"{client.Name}: {output}");
    }

    public static async Task<TcpProbe> ProbeTcpAsync(Client client, Role server, int port)
    {
        var output = await client.TryShellAsync(
            """
            curl --silent --show-error --output /dev/null --max-time 5 --write-out '%{time_total}' \
                "telnet://$1:$2" </dev/null
            """, server.Host, port);
        return new TcpProbe(output.ExitCode switch
        {
            0 => ProbeResult.Open,
            7 => ProbeResult.Refused,
            28 => ProbeResult.Silence,
            _ => throw new LabException($"{client.Name}: {output}"),
        }, TimeSpan.FromSeconds(double.Parse(output.Stdout, CultureInfo.InvariantCulture)));
    }

    static string UniqueUrl(string host) => $"http://{host}/{Guid.NewGuid():N}";

    static List<Answer> Parse(string output, int times)
    {
        var answers = new List<Answer>();
        var rest = output.AsSpan();
        while (rest.IndexOf(Mark) is var mark and >= 0)
        {
            var end = mark + rest[mark..].IndexOf('\n');
            var (text, facts) = (rest[..mark].ToString(), rest[(mark + Mark.Length)..end].ToString().Split(' '));
            if (facts[^1] != "200")
                throw new LabException($"An answer has the status {facts[^1]}: {text}");
            answers.Add(Answer.Parse(text, Answer.EndPoint(facts[0], facts[1]), isNewConnection: facts[2] == "1"));
            rest = rest[(end + 1)..];
        }
        return answers.Count == times
            ? answers
            : throw new LabException($"There are {answers.Count} answers to {times} requests");
    }
}
