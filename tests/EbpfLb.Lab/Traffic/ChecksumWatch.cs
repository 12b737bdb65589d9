using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Traffic;

/// <summary>Someone's tcpdump at work, which computes every checksum on the wire again.</summary>
sealed class ChecksumWatch
{
    const string File = "/tmp/checksums.pcap";

    const int Buffer = 65536; // in KiB: room for a thousand packets, whatever the size of each

    // A checksum of 0xbad1 is as right as any other.
    static readonly string[] WrongWords = ["(incorrect ", "bad cksum ", "bad udp cksum ", "wrong "];
    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(10);

    readonly Role _role;
    readonly string _process;

    ChecksumWatch(Role role, string process) => (_role, _process) = (role, process);

    /// <summary>Begins to watch what comes to each role: what goes may yet be without, where a card is to compute it.</summary>
    public static Task<ChecksumWatch[]> StartAsync(params Role[] roles) => Task.WhenAll(roles.Select(StartAsync));

    /// <summary>Ends it, and tells what was seen.</summary>
    public async Task<ChecksumReport> EndAsync()
    {
        var told = await _role.ShellAsync(
            """
            kill -INT "$1"
            until ! state=$(cat "/proc/$1/stat" 2>/dev/null) || [ "${state#*) Z}" != "$state" ]; do sleep 0.02; done
            tcpdump -n -vv -r "$2" 2>/dev/null
            """, _process, File);
        var lines = told.Split('\n');
        return new ChecksumReport(_role.Name,
            lines.Count(line => Has(line, "(correct)") || Has(line, "udp sum ok")),
            [.. lines.Where(line => WrongWords.Any(words => Has(line, words)))]);

        static bool Has(string line, string words) => line.Contains(words, StringComparison.Ordinal);
    }

    static async Task<ChecksumWatch> StartAsync(Role role)
    {
        var process = await role.ShellAsync(
            """
            rm -f "$2"
            tcpdump -Q in -U --immediate-mode -s 65535 -B "$3" -i "$1" -w "$2" >/dev/null 2>&1 & echo $!
            """, BalancerHost.Interface, File, Buffer);
        await Eventually.That($"{role.Name} watches checksums",
            () => role.TryShellAsync("test -s \"$1\"", File), begun => begun.Succeeded, LongestStart);
        return new ChecksumWatch(role, process.Trim());
    }
}

/// <summary>What tcpdump said of checksums.</summary>
/// <param name="Where">Who watched.</param>
/// <param name="Right">How many TCP and UDP checksums are right.</param>
/// <param name="Wrong">What it said of those that are not, whatever they cover.</param>
sealed record ChecksumReport(string Where, int Right, IReadOnlyList<string> Wrong);
