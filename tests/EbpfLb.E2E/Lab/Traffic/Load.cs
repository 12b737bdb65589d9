using System.Diagnostics;
using EbpfLb.E2E.Lab.Roles;

namespace EbpfLb.E2E.Lab.Traffic;

/// <summary>
/// A client's constant load on a web server: some 300 requests a second, each on a connection of its own, and 50 more on
/// connections that are kept all the while. It goes on until it is stopped, and accounts for every request.
/// </summary>
public sealed class Load : IAsyncDisposable
{
    /// <summary>As many askers of either kind: one that has to wait for its answer does not hold up the others.</summary>
    internal const int Askers = 10;

    /// <summary>New connections of each asker in a second.</summary>
    const int Pace = 30;

    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(20);
    static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(45);

    readonly Client _client;
    readonly string _place;
    readonly Stopwatch _watch = Stopwatch.StartNew();
    bool _isStopped;

    Load(Client client, string place) => (_client, _place) = (client, place);

    /// <summary>Begins to ask, and waits until every asker has got answers.</summary>
    internal static Task<Load> StartAsync(Client client, Role server, bool keepsConnections) =>
        StartAsync(client, server.Host, keepsConnections);

    /// <summary>As the other one.</summary>
    /// <param name="host">The server's address, as a part of URLs.</param>
    internal static async Task<Load> StartAsync(Client client, string host, bool keepsConnections)
    {
        var keepers = keepsConnections ? Askers : 0;
        // An asker of new connections is told to stop between its batches of a second each, one on a kept connection
        // with the request that says so: neither leaves a request behind whose end nobody has seen.
        var place = await client.ShellAsync(
            """
            server=$1 url=$2 askers=$3 pace=$4 facts=$5 keepers=$6
            load=$(mktemp --directory)
            echo "$load"
            cd "$load" || exit
            ask_on_new_connections() {
                batch=0
                while [ ! -e stop ]; do
                    batch=$((batch + 1))
                    curl --silent --rate "$pace/s" --max-time 10 --header 'Connection: close' \
                        --write-out "$facts" "$url/$1/$batch/[1-$pace]"
                done
            }
            ask_on_a_kept_connection() {
                while [ ! -e stop ]; do
                    echo >>"asked-$1"
                    printf 'GET /kept HTTP/1.1\r\nHost: lab\r\n\r\n'
                    sleep 0.2
                done
                echo >>"asked-$1"
                printf 'GET /kept HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n'
            }
            (
                for asker in $(seq "$askers"); do
                    ask_on_new_connections "$asker" >"new-$asker" 2>&1 &
                done
                for asker in $(seq "$keepers"); do
                    ask_on_a_kept_connection "$asker" |
                        socat -t 10 - "TCP:$server:80,connect-timeout=10,shut-none" >"kept-$asker" 2>"fault-$asker" &
                done
                wait
                touch done
            ) >/dev/null 2>&1 &
            """, host, $"http://{host}/{Guid.NewGuid():N}", Askers, Pace, Tally.Facts, keepers);
        var load = new Load(client, place.Trim());
        await Eventually.That($"every asker of {client.Name}'s load has got answers",
            () => client.ShellAsync("cd \"$1\" && find . -name 'new-*' -size +0 -o -name 'kept-*' -size +0", load._place),
            found => found.Count(letter => letter == '\n') == Askers + keepers, LongestStart);
        return load;
    }

    /// <summary>Ends it once every request has got its answer, or has failed.</summary>
    public async Task<Tally> StopAsync()
    {
        await EndAsync();
        return await Tally.ReadAsync(_client, _place, _watch.Elapsed);
    }

    /// <summary>Ends it where that has not been done.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_isStopped)
            await EndAsync();
    }

    async Task EndAsync()
    {
        _isStopped = true;
        await _client.ShellAsync("touch \"$1/stop\"", _place);
        await Eventually.That($"{_client.Name}'s load has ended",
            () => _client.TryShellAsync("test -e \"$1/done\"", _place), ended => ended.Succeeded, LongestStop);
        _watch.Stop();
    }
}
