using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Hosting;

/// <summary>
/// Finds backends again whose Ethernet address changed. The datapath bypasses the kernel's neighbour output, which probes
/// stale neighbours. Instead, the next hop of a backend that gets packets and sends none is probed. A backend that
/// answers costs nothing.
/// </summary>
sealed partial class NeighbourMonitor(LbTables tables, TimeProvider time, ILogger<NeighbourMonitor> logger)
{
    static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    readonly Dictionary<uint, (ulong ToBackend, ulong ToClient)> _counted = [];
    int _position;
    string? _reportedError;

    /// <summary>The number of backends that one pass probes: each takes three system calls. The next pass continues with the others.</summary>
    public int MaxProbes { get; init; } = 256;

    /// <summary>Runs until it is cancelled. An error is logged once; the next pass retries.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            string? failure = null;
            try
            {
                Check();
            }
            catch (LoadBalancerException error)
            {
                failure = error.Message;
            }
            if (failure is not null && failure != _reportedError)
                LogNeighbourRequestFailed(failure);
            _reportedError = failure;
        }
    }

    /// <summary>One pass.</summary>
    /// <returns>The number of next hops that it probes.</returns>
    public int Check()
    {
        var silent = FindSilent();
        if (silent.Count == 0)
            return 0;
        using var neighbours = new Neighbours();
        var first = _position % silent.Count;
        var batch = silent.Skip(first).Concat(silent.Take(first)).Take(MaxProbes).ToArray();
        _position = first + batch.Length;
        var hops = batch.Select(neighbours.NextHopTo).OfType<(int Ifindex, IPAddress Address)>().Distinct();
        return hops.ToArray().Count(hop => Revalidate(neighbours, hop.Ifindex, hop.Address));
    }

    /// <summary>The addresses of backends that got packets since the last pass and sent none.</summary>
    HashSet<IPAddress> FindSilent()
    {
        var used = new List<(uint Id, IPAddress Address)>();
        tables.Backends.ForEach((in id, in backend) =>
        {
            if (!backend.IsFree)
                used.Add((id, backend.Address.ToIPAddress()));
        });
        var silent = new HashSet<IPAddress>();
        foreach (var (id, address) in used)
        {
            var now = Count(id);
            var isKnown = _counted.TryGetValue(id, out var before);
            _counted[id] = now;
            if (isKnown && now.ToBackend != before.ToBackend && now.ToClient == before.ToClient)
                silent.Add(address);
        }
        return silent;
    }

    (ulong ToBackend, ulong ToClient) Count(uint backend)
    {
        var sum = tables.BackendTraffic.SumPerCpu(backend);
        return (sum.ToBackendPackets, sum.ToClientPackets);
    }

    /// <summary>False if its address is fixed, or the kernel probes it already.</summary>
    static bool Revalidate(Neighbours neighbours, int ifindex, IPAddress address)
    {
        switch (neighbours.StateOf(ifindex, address))
        {
            case NeighbourState.Reachable or NeighbourState.Stale or NeighbourState.Delay:
                neighbours.Probe(ifindex, address);
                return true;
            case null or NeighbourState.None or NeighbourState.Failed:
                neighbours.Resolve(ifindex, address);
                return true;
            default:
                return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "probing the neighbours of silent backends failed: {Error} Retrying every second.")]
    partial void LogNeighbourRequestFailed(string error);
}
