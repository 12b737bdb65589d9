using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Docker.DotNet;
using DotNet.Testcontainers.Containers;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Lab.Roles;

/// <summary>A container that plays a part in the lab.</summary>
public abstract class Role : IAsyncDisposable
{
    static readonly TimeSpan LongestCommand = TimeSpan.FromSeconds(90);
    static readonly TimeSpan ShortestTransfer = TimeSpan.FromSeconds(60);
    const long SlowestTransfer = 10; // megabytes a second

    readonly IContainer _container;
    readonly LabNetwork _network;
    readonly ContainerShells _shells;

    private protected Role(LabNetwork network, string name, IContainer container)
    {
        (_network, _container, Name) = (network, container, name);
        _shells = new ContainerShells(network.Engine.Docker);
    }

    /// <summary>The name that the lab's network knows it by.</summary>
    public string Name { get; }

    /// <summary>Its address in the lab's network, of the family that is spoken at present.</summary>
    public IPAddress Address => Addresses[_network.Family];

    /// <summary>That of the other family.</summary>
    internal IPAddress AddressAcross => Addresses[_network.Family == Family.IPv4 ? Family.IPv6 : Family.IPv4];

    /// <summary>The same as a part of URLs and the like, which have IPv6 in brackets.</summary>
    internal string Host => HostOf(Address);

    /// <summary>That of the other family, in the same form.</summary>
    internal string HostAcross => HostOf(AddressAcross);

    static string HostOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : $"{address}";

    internal Addresses Addresses { get; private set; } = Addresses.None;

    internal string Id => _container.Id;

    private protected IDockerClient Docker => _network.Engine.Docker;

    internal virtual async Task StartAsync()
    {
        await StepTimes.MeasureAsync(Step.ContainerStart, () => _container.StartAsync(LabContext.Current.CancellationToken));
        await ReadAddressesAsync();
    }

    /// <summary>Reads its addresses, which the engine may have changed.</summary>
    internal async Task ReadAddressesAsync() => Addresses = await FindAddressesAsync();

    private protected virtual Task<Addresses> FindAddressesAsync() => _network.AddressesOfAsync(_container.Id);

    /// <summary>What it printed since it was started.</summary>
    internal async Task<(string Stdout, string Stderr)> LogsAsync(DateTime since = default, bool withTimes = false) =>
        await _container.GetLogsAsync(since, timestampsEnabled: withTimes);

    /// <summary>Waits until it has printed such a line, and tells how long after its start that was, by the engine's clock.</summary>
    /// <param name="description">What is waited for, as a sentence.</param>
    /// <param name="isIt">Whether a line of standard output is the one.</param>
    /// <param name="within">The deadline.</param>
    private protected async Task<TimeSpan> TimeToLineAsync(string description, Predicate<string> isIt, TimeSpan within)
    {
        var line = await Eventually.That(description, FirstAsync, found => found.Length > 0, within);
        var seen = await Docker.Containers.InspectContainerAsync(Id);
        return Time(line.Split(' ')[0]) - Time(seen.State!.StartedAt!);

        async Task<string> FirstAsync() =>
            Array.Find((await LogsAsync(withTimes: true)).Stdout.Split('\n'), isIt) ?? "";

        static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
    }

    internal Task<byte[]> ReadFileAsync(string path) =>
        _container.ReadFileAsync(path, LabContext.Current.CancellationToken);

    /// <summary>Runs a script with a shell in the container; the arguments are its $1, $2 and so on.</summary>
    internal Task<Output> TryShellAsync(string script, params object[] arguments) =>
        TryRunAsync(["sh", "-c", script, "sh", .. arguments.Select(argument => $"{argument}")]);

    /// <summary>As <see cref="TryShellAsync"/>, for a script that has to succeed.</summary>
    internal async Task<string> ShellAsync(string script, params object[] arguments)
    {
        var output = await TryShellAsync(script, arguments);
        return output.Succeeded ? output.Stdout : throw new LabException($"{Name}: {output}");
    }

    internal Task<Output> TryRunAsync(params string[] command) =>
        StepTimes.MeasureAsync(Step.Command, () => RunAsync(command, LongestCommand));

    /// <summary>As <see cref="TryShellAsync"/>, for a transfer, which takes as long as its size needs.</summary>
    /// <param name="megabytes">Its size.</param>
    /// <param name="script">Gets the seconds that the transfer may take as its last argument.</param>
    /// <param name="arguments">The others.</param>
    internal Task<Output> TryTransferAsync(long megabytes, string script, params object[] arguments)
    {
        var limit = ShortestTransfer + TimeSpan.FromSeconds(megabytes / SlowestTransfer);
        return StepTimes.MeasureAsync(Step.Transfer, () => RunAsync(
            ["sh", "-c", script, "sh", .. arguments.Select(argument => $"{argument}"), $"{limit.TotalSeconds:0}"], limit + LongestCommand));
    }

    async Task<Output> RunAsync(string[] command, TimeSpan limit)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(LabContext.Current.CancellationToken);
        deadline.CancelAfter(limit);
        try
        {
            return await _shells.RunAsync(Id, command, deadline.Token);
        }
        catch (OperationCanceledException late) when (!LabContext.Current.CancellationToken.IsCancellationRequested)
        {
            throw new LabException($"{Name}: '{string.Join(' ', command)}' took more than {limit}", late);
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        _shells.Dispose();
        await StepTimes.MeasureAsync(Step.Teardown, () => _container.DisposeAsync().AsTask());
        GC.SuppressFinalize(this);
    }
}
