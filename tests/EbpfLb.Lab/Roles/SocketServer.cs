using System.Globalization;

namespace EbpfLb.Lab.Roles;

/// <summary>
/// A server of small protocols that web servers do not speak: it sends UDP datagrams back, answers an upload with
/// its checksum, and tells which of its ports was connected to.
/// </summary>
public sealed class SocketServer : Role
{
    /// <summary>The TCP ports that tell which they are.</summary>
    internal const int OnePort = 7001, OtherPort = 7002;

    const string Sockets = "ss --listening --tcp --udp --numeric --no-header | wc --lines";
    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(10);

    static readonly string[] Listeners =
    [
        $"-b 65536 UDP6-RECVFROM:{Service.EchoPort},fork PIPE",
        "TCP6-LISTEN:80,fork,reuseaddr EXEC:sha256sum",
        $"TCP6-LISTEN:{OnePort},fork,reuseaddr SYSTEM:'echo $SOCAT_SOCKPORT'",
        $"TCP6-LISTEN:{OtherPort},fork,reuseaddr SYSTEM:'echo $SOCAT_SOCKPORT'",
    ];

    /// <param name="direct">Whether it is to share an address with a balancer.</param>
    internal SocketServer(LabNetwork network, string name, bool direct = false)
        : base(network, name, network.Member(network.Engine.Images.Client, name).SharingIf(direct).Build())
    {
    }

    internal override async Task StartAsync()
    {
        await base.StartAsync();
        var before = await CountSocketsAsync();
        await ShellAsync(string.Concat(Listeners.Select(listener => $"socat {listener} >/dev/null 2>&1 &\n")));
        await Eventually.That($"{Name} listens", CountSocketsAsync,
            sockets => sockets - before == Listeners.Length, LongestStart);
    }

    async Task<int> CountSocketsAsync() => int.Parse(await ShellAsync(Sockets), CultureInfo.InvariantCulture);
}
