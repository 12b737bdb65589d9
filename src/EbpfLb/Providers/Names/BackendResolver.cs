using EbpfLb.Configuration;
using EbpfLb.Reconcile;

namespace EbpfLb.Providers.Names;

/// <summary>Resolves and follows the host names of a configuration.</summary>
sealed partial class BackendResolver(
    LoadBalancerConfiguration configuration, INameResolver names, HeldAddresses held, TimeProvider time,
    ILogger<BackendResolver> logger)
{
    /// <summary>The interval between two look-ups of a name.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>Answers without addresses in a row before a name counts as gone: one answer may be wrong.</summary>
    const int GoneThreshold = 3;

    readonly NameLookup _lookup = new(names, time);
    readonly HashSet<string> _failing = [];
    readonly HashSet<string> _tooMany = [];
    readonly Dictionary<string, int> _gone = [];

    /// <summary>
    /// The services with their backends' addresses, now and at each change. A name keeps its addresses while it
    /// cannot be resolved, and loses them when it is gone.
    /// </summary>
    /// <exception cref="LoadBalancerException">A name does not resolve at the start.</exception>
    public async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> WatchAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var hosts = configuration.Services
            .SelectMany(service => service.Backends).Select(backend => backend.Host).Distinct();
        var literals = hosts.ToLookup(host => Syntax.ParseAddress(host) is not null);
        var known = literals[true].ToDictionary(host => host, host => ImmutableArray.Create(IPAddress.Parse(host)));
        string[] namesToResolve = [.. literals[false]];

        await StartAsync(namesToResolve, known, cancellation);
        var last = Snapshot(known);
        yield return last;
        while (true)
        {
            await Task.Delay(namesToResolve.Length > 0 ? Interval : Timeout.InfiniteTimeSpan, time, cancellation);
            await RefreshAsync(namesToResolve, known, cancellation);
            var next = Snapshot(known);
            if (next.SequenceEqual(last))
                continue;
            last = next;
            yield return next;
        }
    }

    async Task StartAsync(
        string[] hosts, Dictionary<string, ImmutableArray<IPAddress>> known, CancellationToken cancellation)
    {
        List<string> failures = [];
        foreach (var (host, answer) in await ResolveAllAsync(hosts, isStartup: true, cancellation))
        {
            if (answer.Error is not null)
                failures.Add($"'{host}' ({answer.Error})");
            else
                known[host] = Hold(host, answer);
        }
        if (failures.Count > 0)
            throw new LoadBalancerException($"resolving the backends failed for {string.Join(", ", failures)}. "
                + "Check the names and the name servers in /etc/resolv.conf, or give addresses.");
    }

    async Task RefreshAsync(
        string[] hosts, Dictionary<string, ImmutableArray<IPAddress>> known, CancellationToken cancellation)
    {
        foreach (var (host, answer) in await ResolveAllAsync(hosts, isStartup: false, cancellation))
        {
            if (answer.Error is null)
            {
                known[host] = Hold(host, answer);
                _gone.Remove(host);
                if (_failing.Remove(host))
                    LogNameResolvesAgain(host);
            }
            else if (!answer.IsGone)
            {
                _gone.Remove(host); // a failing name server says nothing about the name
                held.ForgetAbsences(host);
                if (_failing.Add(host))
                    LogNameStoppedResolving(host, answer.Error, string.Join(", ", known[host]));
            }
            else if ((_gone[host] = _gone.GetValueOrDefault(host) + 1) == GoneThreshold && !known[host].IsEmpty)
            {
                LogNameGone(host, answer.Error);
                known[host] = [];
                held.Remove(host);
                _failing.Add(host);
            }
            else if (_failing.Add(host))
                LogNameStoppedResolving(host, answer.Error, string.Join(", ", known[host]));
        }
    }

    /// <summary>The addresses of a name after an answer, sorted.</summary>
    ImmutableArray<IPAddress> Hold(string host, NameResolution answer)
    {
        var addresses = held.Update(host, answer.Addresses, configuration.DnsHold, out var leftOut);
        if (leftOut == 0)
            _tooMany.Remove(host);
        else if (_tooMany.Add(host))
            LogNameAddressesLeftOut(host, HeldAddresses.Max, leftOut);
        return NameLookup.Sort(addresses);
    }

    Task<(string Host, NameResolution Answer)[]> ResolveAllAsync(string[] hosts, bool isStartup, CancellationToken cancellation) =>
        Task.WhenAll(hosts.Select(async host => (host, await _lookup.ResolveAsync(host, isStartup, cancellation))));

    /// <summary>Two names with one address are one backend: the first counts.</summary>
    ImmutableArray<ServiceSnapshot> Snapshot(Dictionary<string, ImmutableArray<IPAddress>> known) =>
    [
        .. configuration.Services.Select(service => new ServiceSnapshot(service,
        [
            .. service.Backends
                .SelectMany(backend => known[backend.Host].Select(
                    address => new BackendSnapshot(address, backend.Port, backend.Weight, backend.Host)))
                .DistinctBy(backend => backend.EndPoint),
        ])),
    ];

    [LoggerMessage(LogLevel.Warning, "backend name '{Host}' stopped resolving ({Reason}); it keeps {Addresses}")]
    partial void LogNameStoppedResolving(string host, string reason, string addresses);

    [LoggerMessage(LogLevel.Warning, "backend name '{Host}' no longer exists ({Reason}): its backends take no new flow. Restore its record, or remove it from the configuration.")]
    partial void LogNameGone(string host, string reason);

    [LoggerMessage(LogLevel.Warning, "backend name '{Host}' has more than {Max} addresses: {LeftOut} are left out. Give the service several names.")]
    partial void LogNameAddressesLeftOut(string host, int max, int leftOut);

    [LoggerMessage(LogLevel.Information, "backend name '{Host}' resolves again")]
    partial void LogNameResolvesAgain(string host);
}
