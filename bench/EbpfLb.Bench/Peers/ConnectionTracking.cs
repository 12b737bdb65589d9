using System.Globalization;
using EbpfLb.Lab;

namespace EbpfLb.Bench.Peers;

/// <summary>
/// The machine's own table of connections. Bridged packets pass it where they pass the engine's iptables rules, and a full
/// one drops whatever any subject sends: it gets room for all connections of two minutes, as long as it remembers one that
/// has ended, and its former size back afterwards.
/// </summary>
sealed class ConnectionTracking : IDisposable
{
    const string Size = "/proc/sys/net/netfilter/nf_conntrack_max"; // in connections; absent where none are tracked
    const long Enough = 1_000_000;

    readonly string? _former;

    ConnectionTracking(string? former) => _former = former;

    /// <exception cref="LabException">This process may not.</exception>
    public static ConnectionTracking MakeRoom(IProgress<string> progress)
    {
        if (!File.Exists(Size) || File.ReadAllText(Size).Trim() is not { } size || long.Parse(size, CultureInfo.InvariantCulture) >= Enough)
            return new(former: null);
        try
        {
            File.WriteAllText(Size, $"{Enough}");
        }
        catch (UnauthorizedAccessException refusal)
        {
            throw new LabException(
                $"The machine tracks {size} connections at most, and drops packets beyond: 'sudo sysctl -w net.netfilter.nf_conntrack_max={Enough}' "
                + "gives it room for the benchmarks.", refusal);
        }
        progress.Report($"the machine's connection tracking has room for {Enough} now, for as long as this takes; it had for {size}");
        return new(size);
    }

    public void Dispose()
    {
        if (_former is not null)
            File.WriteAllText(Size, _former);
    }
}
