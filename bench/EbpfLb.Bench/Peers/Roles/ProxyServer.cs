using System.Globalization;
using System.Text;
using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers.Roles;

/// <summary>A proxy process in a container of its own.</summary>
sealed class ProxyServer : Role
{
    const string Configuration = "/etc/proxy.conf", Ended = "ended";
    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(20);

    long _idleBytes;

    /// <param name="command">That runs it in the foreground; the path of its configuration follows.</param>
    /// <param name="configuration">What stands in there.</param>
    public ProxyServer(LabNetwork network, string name, string image, string[] command, string configuration)
        : base(network, name, network.Member(image, name)
            .WithCommand([.. command, Configuration])
            .WithResourceMapping(Encoding.UTF8.GetBytes(configuration), Configuration)
            .WithCreateParameterModifier(container => container.HostConfig!.Sysctls = Sysctls)
            .Build())
    {
    }

    /// <summary>It opens a connection for each that it takes: from many ports, which are used again soon.</summary>
    static Dictionary<string, string> Sysctls { get; } = new()
    {
        ["net.core.somaxconn"] = "65535",
        ["net.ipv4.ip_local_port_range"] = "1024 65535",
        ["net.ipv4.tcp_tw_reuse"] = "1",
    };

    /// <summary>Starts it, waits until it listens, and looks at how much memory it has before the first connection.</summary>
    internal override async Task StartAsync()
    {
        await base.StartAsync();
        await Eventually.That($"{Name} listens, or has ended", async () => await HasEndedAsync() ? Ended : await SocketsAsync(),
            sockets => sockets.Length > 0, LongestStart);
        if (await HasEndedAsync())
            throw new LabException($"{Name} did not start: {(await LogsAsync()).Stderr}");
        await BytesAsync(); // the looking takes memory itself, at first more than later
        _idleBytes = await BytesAsync();
    }

    /// <summary>How much more memory its container has than before the first connection, its sockets in the kernel included.</summary>
    public async Task<long> GrownBytesAsync() => await BytesAsync() - _idleBytes;

    Task<string> SocketsAsync() => ShellAsync("ss --listening --tcp --numeric --no-header \"sport = :$1\"", Server.Bulk);

    async Task<bool> HasEndedAsync() => (await Docker.Containers.InspectContainerAsync(Id)).State is { Running: false };

    async Task<long> BytesAsync() => long.Parse(await ShellAsync(
        """
        cat /sys/fs/cgroup/memory.current 2>/dev/null || cat /sys/fs/cgroup/memory/memory.usage_in_bytes
        """), CultureInfo.InvariantCulture);
}
