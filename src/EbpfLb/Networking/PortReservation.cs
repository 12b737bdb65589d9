using System.Globalization;

namespace EbpfLb.Networking;

/// <summary>
/// Keeps ports from local sockets that do not bind them (<c>ip_local_reserved_ports</c>). The sysctl is the network
/// namespace's, for both families.
/// </summary>
static class PortReservation
{
    public const string File = "/proc/sys/net/ipv4/ip_local_reserved_ports";

    /// <summary>What makes the reservation.</summary>
    public static string Remedy(PortRange ports) => $"sysctl -w net.ipv4.ip_local_reserved_ports='{ports}'";

    /// <summary>True if the ports are reserved, or this process may reserve them.</summary>
    public static bool IsPossible(PortRange ports, string file = File)
    {
        try
        {
            if (Missing(Parse(System.IO.File.ReadAllText(file)), ports).Count == 0)
                return true;
            using var _ = new FileStream(file, FileMode.Open, FileAccess.Write);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Adds ports to those that are reserved.</summary>
    /// <param name="ports">The ports.</param>
    /// <param name="refusal">Null, or why this process may not.</param>
    /// <param name="file">The sysctl.</param>
    /// <returns>The ports that were not reserved before.</returns>
    public static IReadOnlyList<int> Reserve(PortRange ports, out string? refusal, string file = File)
    {
        IReadOnlyList<int> added = [];
        refusal = TryWrite(file, reserved => added = Set(reserved, Missing(reserved, ports), true));
        return refusal is null ? added : [];
    }

    /// <summary>Undoes <see cref="Reserve"/>. Ports that were reserved before it stay.</summary>
    /// <param name="added">What it returned.</param>
    /// <param name="file">The sysctl.</param>
    /// <returns>Null, or why this process may not.</returns>
    public static string? Release(IReadOnlyList<int> added, string file = File) =>
        TryWrite(file, reserved => Set(reserved, added, false));

    /// <param name="file">The sysctl.</param>
    /// <param name="change">Returns the ports that it changes. If there are none, the sysctl is not written.</param>
    static string? TryWrite(string file, Func<bool[], IReadOnlyList<int>> change)
    {
        try
        {
            var reserved = Parse(System.IO.File.ReadAllText(file));
            if (change(reserved).Count > 0)
                System.IO.File.WriteAllText(file, Format(reserved));
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error.Message;
        }
    }

    static List<int> Missing(bool[] reserved, PortRange ports) =>
        [.. Enumerable.Range(ports.First, ports.Count).Where(port => !reserved[port])];

    static IReadOnlyList<int> Set(bool[] reserved, IReadOnlyList<int> ports, bool value)
    {
        foreach (var port in ports)
            reserved[port] = value;
        return ports;
    }

    /// <summary>A list such as <c>8080,9000-9010</c>.</summary>
    static bool[] Parse(string list)
    {
        var reserved = new bool[ushort.MaxValue + 1];
        foreach (var item in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var ends = item.Split('-').Select(end => ushort.Parse(end, CultureInfo.InvariantCulture)).ToArray();
            Array.Fill(reserved, true, ends[0], ends[^1] - ends[0] + 1);
        }
        return reserved;
    }

    static string Format(bool[] reserved)
    {
        List<string> items = [];
        for (var first = 0; first < reserved.Length; first++)
        {
            if (!reserved[first])
                continue;
            var last = first;
            while (last + 1 < reserved.Length && reserved[last + 1])
                last++;
            items.Add(first == last ? $"{first}" : $"{first}-{last}");
            first = last;
        }
        return string.Join(',', items) + '\n';
    }
}
