using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Traffic;

/// <summary>
/// A client's constant load on a web server: 240 requests a second, each on a connection of its own, and 50 more on
/// connections that are kept all the while. It goes on until it is stopped, and accounts for every request.
/// </summary>
/// <remarks>
/// It is an open loop (lab/client/load): a request is made when it is due, whatever has become of those before. So
/// neither a server that hangs nor a busy machine makes it less.
/// </remarks>
public sealed class Load : IAsyncDisposable
{
    /// <summary>New connections in a second.</summary>
    const int Rate = 240;

    /// <summary>Connections that are kept, with five requests a second each.</summary>
    const int Kept = 10;

    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(20);
    static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(45);

    readonly Client _client;
    readonly string _place;
    bool _isStopped;

    Load(Client client, string place) => (_client, _place) = (client, place);

    /// <summary>Begins to ask, and waits until the first request, and the first on each kept connection, have ended.</summary>
    internal static Task<Load> StartAsync(Client client, Role server, bool keepsConnections) =>
        StartAsync(client, $"{server.Address}", keepsConnections);

    /// <summary>As the other one.</summary>
    /// <param name="address">The server's.</param>
    internal static async Task<Load> StartAsync(Client client, string address, bool keepsConnections)
    {
        var place = await client.ShellAsync(
            """
            place=$(mktemp --directory) && cd "$place" && echo "$place" || exit
            (
                load "$@" >ends 2>faults &
                echo "$!" >pid
                wait
                touch done
            ) >/dev/null 2>&1 &
            """, address, $"/{Guid.NewGuid():N}", Rate, keepsConnections ? Kept : 0);
        var load = new Load(client, place.Trim());
        await Eventually.That($"{client.Name}'s load has got its first answers",
            () => client.TryShellAsync("cat \"$1/faults\" && test -e \"$1/ready\"", load._place),
            seen => seen.Succeeded, LongestStart);
        return load;
    }

    /// <summary>Ends it once every request has got its answer, or has failed; one that was not constant proves nothing.</summary>
    public async Task<Tally> StopAsync()
    {
        await EndAsync();
        var tally = await Tally.ReadAsync(_client, _place);
        LabContext.Current.WriteLine($"{_client.Name}'s load: {tally}");
        tally.WasConstant();
        return tally;
    }

    /// <summary>Ends it where that has not been done.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_isStopped)
            await EndAsync();
    }

    async Task EndAsync()
    {
        await SignalAsync("TERM");
        try
        {
            await Eventually.That($"{_client.Name}'s load has ended",
                () => _client.TryShellAsync("test -e \"$1/done\"", _place), ended => ended.Succeeded, LongestStop);
        }
        catch (LabException)
        {
            await SignalAsync("KILL"); // what comes after is not to suffer from it
            throw;
        }
        finally
        {
            _isStopped = true;
        }

        // Where it lives: else its tally says why.
        Task SignalAsync(string name) => _client.TryShellAsync("kill -\"$2\" \"$(cat \"$1/pid\")\"", _place, name);
    }
}
