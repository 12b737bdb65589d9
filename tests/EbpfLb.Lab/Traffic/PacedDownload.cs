using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Traffic;

/// <summary>A download on one connection that goes as far as it is let, portion by portion, until it is let go altogether.</summary>
public sealed class PacedDownload : IAsyncDisposable
{
    static readonly TimeSpan LongestPortion = TimeSpan.FromSeconds(60);

    readonly Client _client;
    readonly string _place;
    readonly RemoteFile _file;
    int _portions;
    bool _isLetGo;

    PacedDownload(Client client, string place, RemoteFile file) => (_client, _place, _file) = (client, place, file);

    /// <param name="server">As URLs have it.</param>
    /// <param name="megabytesPerSecond">No faster than that; other traffic is to have its turn.</param>
    internal static async Task<PacedDownload> StartAsync(Client client, string server, RemoteFile file, int megabytesPerSecond)
    {
        var place = await client.ShellAsync(
            """
            place=$(mktemp --directory)
            mkfifo "$place/more"
            echo "$place"
            (
                curl --silent --show-error --fail --limit-rate "$3M" --write-out '%{stderr}%{size_download}' \
                    "http://$1$2" 2>"$place/told" |
                    {
                        while read -r megabytes <&3 && [ "$megabytes" != all ]; do
                            dd bs=1M count="$megabytes" iflag=fullblock status=none
                            echo >>"$place/portions"
                        done
                        cat
                    } | sha256sum >"$place/sum"
                touch "$place/done"
            ) 3<>"$place/more" >/dev/null 2>&1 &
            """, server, file.Path, megabytesPerSecond);
        return new PacedDownload(client, place.Trim(), file);
    }

    /// <summary>Lets it go on by so much, and waits until that has come.</summary>
    public async Task TakeAsync(int megabytes)
    {
        await LetAsync($"{megabytes}");
        _portions++;
        await Eventually.That($"{_client.Name} has got {megabytes} MB more",
            async () => (await _client.TryShellAsync("cat \"$1/portions\"", _place)).Stdout.Length,
            portions => portions >= _portions, LongestPortion);
    }

    /// <summary>Whether all of it has come, or it broke off.</summary>
    public async Task<bool> IsOverAsync() => (await _client.TryShellAsync("test -e \"$1/done\"", _place)).Succeeded;

    /// <summary>Lets it go, and tells what arrived.</summary>
    public async Task<RemoteFile> FinishAsync()
    {
        await LetGoAsync();
        await Eventually.That($"{_client.Name}'s download is over", IsOverAsync, isOver => isOver, LongestPortion);
        var told = (await _client.ShellAsync("cat \"$1/told\"", _place)).Trim();
        var sum = await _client.ShellAsync("cat \"$1/sum\"", _place);
        return long.TryParse(told, out var bytes)
            ? new RemoteFile(_file.Path, bytes, sum.Split(' ')[0])
            : throw new LabException($"{_client.Name}: the download broke off: {told}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_isLetGo)
            await LetGoAsync();
    }

    async Task LetGoAsync()
    {
        await LetAsync("all");
        _isLetGo = true;
    }

    /// <summary>Nobody reads that any more where it is over.</summary>
    Task<string> LetAsync(string much) =>
        _client.ShellAsync("[ -e \"$1/done\" ] || echo \"$2\" >\"$1/more\"", _place, much);
}
