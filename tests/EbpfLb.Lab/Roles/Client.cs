using DotNet.Testcontainers.Containers;
using EbpfLb.Lab.Clusters;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.Lab.Roles;

/// <summary>Someone who sends traffic, with the tools that everybody uses.</summary>
public class Client : Role
{
    readonly LabNetwork _network;

    /// <summary>Its part of a busy machine's time, where others have 1024: a load is to be as constant there.</summary>
    const int CpuShares = 4096;

    internal Client(LabNetwork network, string name)
        : this(network, name, network.Member(network.Engine.Images.Client, name)
            .WithCreateParameterModifier(container => container.HostConfig!.CPUShares = CpuShares)
            .Build())
    {
    }

    private protected Client(LabNetwork network, string name, IContainer container)
        : base(network, name, container) => _network = network;

    /// <summary>Asks once, on a connection of its own.</summary>
    public async Task<Answer> GetAsync(Role server) => (await GetAsync(server, times: 1)).Single();

    /// <summary>Asks one time after the other, each on a new connection.</summary>
    public Task<IReadOnlyList<Answer>> GetAsync(Role server, int times) => Curl.OneByOneAsync(this, server.Host, times);

    /// <summary>As the other one, of an address that several balancers share.</summary>
    public Task<IReadOnlyList<Answer>> GetAsync(SharedAddress server, int times) => Curl.OneByOneAsync(this, server.Host, times);

    /// <summary>Asks one time after the other, all on one connection.</summary>
    public Task<IReadOnlyList<Answer>> GetOnOneConnectionAsync(Role server, int times) =>
        Curl.OnOneConnectionAsync(this, server, times);

    /// <summary>Asks all at once, each on its own connection, from neighbouring ports where a first is given.</summary>
    public Task<IReadOnlyList<Answer>> GetInParallelAsync(Role server, int times, int fromPort = 0) =>
        Curl.InParallelAsync(this, server, times, fromPort);

    /// <summary>Puts a constant load on a web server until it is stopped.</summary>
    /// <param name="server">The server, or a balancer before it.</param>
    /// <param name="keepsConnections">Whether some of the requests are made on connections that are kept all the while.</param>
    public Task<Load> StartLoadAsync(Role server, bool keepsConnections = true) =>
        Load.StartAsync(this, server, keepsConnections);

    /// <summary>Puts a constant load on what compose has brought up, each request on a connection of its own.</summary>
    public Task<Load> StartLoadAsync(ComposedPool pool) => Load.StartAsync(this, pool.Host, keepsConnections: false);

    /// <summary>Puts a constant load on an address that several balancers share.</summary>
    public Task<Load> StartLoadAsync(SharedAddress server) => Load.StartAsync(this, $"{server.Address}", keepsConnections: true);

    /// <summary>Fetches a file and tells what arrived.</summary>
    /// <param name="lasting">How long it takes its time for that, at least.</param>
    public Task<RemoteFile> DownloadAsync(Role server, RemoteFile file, TimeSpan lasting = default) =>
        Curl.DownloadAsync(this, server, file, lasting);

    /// <summary>Begins to fetch a file, which comes no further than it is let.</summary>
    public Task<PacedDownload> StartDownloadAsync(Role server, RemoteFile file, int megabytesPerSecond) =>
        PacedDownload.StartAsync(this, server.Host, file, megabytesPerSecond);

    /// <summary>As the other one, from an address that several balancers share.</summary>
    public Task<PacedDownload> StartDownloadAsync(SharedAddress server, RemoteFile file, int megabytesPerSecond) =>
        PacedDownload.StartAsync(this, server.Host, file, megabytesPerSecond);

    /// <summary>Connects to a TCP port, and tells what came of it.</summary>
    public Task<TcpProbe> ProbeTcpAsync(Role server, int port) => Curl.ProbeTcpAsync(this, server, port);

    /// <summary>Sends a datagram to a UDP port, and tells what came of it.</summary>
    public Task<UdpProbe> ProbeUdpAsync(Role server, int port) => Socat.ProbeUdpAsync(this, server, port);

    /// <summary>Connects to a TCP port with packets that travel so many hops only.</summary>
    public Task<TcpProbe> ProbeFromAfarAsync(Role server, int port, int hops) =>
        Socat.ProbeFromAfarAsync(this, server, port, hops);

    /// <summary>Sends so much to a server of checksums, and tells both ends' checksums.</summary>
    public Task<Upload> UploadAsync(Role server, int megabytes) => Socat.UploadAsync(this, server, megabytes);

    /// <summary>How many datagrams of so many bytes came back from a server of echoes as they were sent.</summary>
    public Task<int> EchoAsync(Role server, int times, int bytes) => Socat.EchoAsync(this, server, times, bytes);

    /// <summary>Opens a connection from a source port of choice and keeps it open until it is disposed.</summary>
    public Task<HeldConnection> ConnectAsync(Role server, int fromPort) =>
        HeldConnection.OpenAsync(_network.Engine.Docker, this, server, fromPort);

    /// <summary>The command line that starts a program as this client's.</summary>
    internal virtual string[] Command(params string[] words) => words;

    /// <summary>Connects a UDP socket to a service of echoes, which keeps open until it is disposed.</summary>
    public Task<HeldConnection> ConnectUdpAsync(Role server, int fromPort) =>
        HeldConnection.OpenUdpAsync(_network.Engine.Docker, this, server, Service.EchoPort, fromPort);

    /// <summary>Connects to a port and listens to what the server says of itself.</summary>
    public async Task<string> HearFromAsync(Role server, int port) =>
        (await ShellAsync("socat -u \"TCP:$1:$2,connect-timeout=5\" -", server.Host, port)).Trim();

    /// <summary>Asks DNS servers over UDP who they are, each time from another port.</summary>
    public Task<IReadOnlyList<string>> AskWhoAsync(Role server, int times) =>
        Dig.WhoOverUdpAsync(this, server, times);

    /// <summary>As <see cref="AskWhoAsync"/>, over TCP.</summary>
    public Task<IReadOnlyList<string>> AskWhoOverTcpAsync(Role server, int times) =>
        Dig.WhoOverTcpAsync(this, server, times);

    /// <summary>How many of so many pings were answered.</summary>
    /// <param name="within">How long an answer is waited for; two seconds by default.</param>
    public async Task<int> PingAsync(Role other, int times, TimeSpan? within = null)
    {
        var output = await TryShellAsync("ping -n -i 0.02 -W \"$3\" -c \"$1\" \"$2\"", times, other.Address,
            FormattableString.Invariant($"{(within ?? TimeSpan.FromSeconds(2)).TotalSeconds}"));
        return output.Stdout.Split('\n').Count(line => line.Contains("bytes from", StringComparison.Ordinal));
    }
}
