namespace EbpfLb.Networking;

/// <summary>
/// Keeps ports from local sockets that do not bind them (<c>ip_local_reserved_ports</c>). The sysctl is the network
/// namespace's, for both families.
/// </summary>
static class PortReservation
{
    public const string File = "/proc/sys/net/ipv4/ip_local_reserved_ports";

    /// <summary>More bytes than any list has: two ports of every three are at most 21,845 items of 12 bytes.</summary>
    const int MaxList = 512 * 1024;

    /// <summary>What makes the reservation.</summary>
    public static string Remedy(PortRange ports) => $"sysctl -w net.ipv4.ip_local_reserved_ports='{ports}'";

    /// <summary>True if the ports are reserved, or this process may reserve them.</summary>
    public static bool IsPossible(PortRange ports, string file = File)
    {
        try
        {
            if (Missing(Parse(Read(file)), ports).Count == 0)
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
    /// <param name="record">Gets the ports that were not reserved before, just before they are.</param>
    /// <returns>Null, or why this process may not.</returns>
    public static string? Reserve(PortRange ports, Action<IReadOnlyList<int>> record, string file = File) =>
        TryWrite(file, reserved =>
        {
            var missing = Missing(reserved, ports);
            record(missing);
            reserved.UnionWith(missing);
        });

    /// <summary>Undoes <see cref="Reserve"/>. Ports that were reserved before it stay.</summary>
    /// <param name="added">What it recorded.</param>
    /// <returns>Null, or why this process may not.</returns>
    public static string? Release(IReadOnlyList<int> added, string file = File) =>
        TryWrite(file, reserved => reserved.ExceptWith(added));

    /// <param name="change">Adds ports, or removes some. If it does neither, the sysctl is not written.</param>
    static string? TryWrite(string file, Action<SortedSet<int>> change)
    {
        try
        {
            var reserved = Parse(Read(file));
            var before = reserved.Count;
            change(reserved);
            if (reserved.Count != before)
                Write(file, Format(reserved));
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error.Message;
        }
    }

    /// <summary>
    /// Reads the list by one system call. The kernel (<c>proc_do_large_bitmap</c>) answers a second one with the end of
    /// the file, wherever the first one ended.
    /// </summary>
    static string Read(string file)
    {
        var buffer = new byte[MaxList];
        using var handle = System.IO.File.OpenHandle(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return Encoding.ASCII.GetString(buffer, 0, RandomAccess.Read(handle, buffer, 0));
    }

    /// <summary>
    /// Offers all that is left in each system call. The kernel takes less than a page of it and stops before an item that
    /// is cut there, but takes the end of what it is offered for the end of an item.
    /// </summary>
    static void Write(string file, string list)
    {
        using var handle = System.IO.File.OpenHandle(file, FileMode.Truncate, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(handle, Encoding.ASCII.GetBytes(list), 0);
    }

    static List<int> Missing(SortedSet<int> reserved, PortRange ports) =>
        [.. Enumerable.Range(ports.First, ports.Count).Where(port => !reserved.Contains(port))];

    /// <summary>A list such as <c>8080,9000-9010</c>.</summary>
    static SortedSet<int> Parse(string list) =>
    [
        .. from item in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
           let ends = item.Split('-').Select(end => ushort.Parse(end, CultureInfo.InvariantCulture)).ToArray()
           from port in Enumerable.Range(ends[0], ends[^1] - ends[0] + 1)
           select port,
    ];

    static string Format(SortedSet<int> reserved)
    {
        List<PortRange> ranges = [];
        foreach (var port in reserved.Select(port => (ushort)port))
        {
            if (ranges is [.., var range] && range.Last + 1 == port)
                ranges[^1] = range with { Last = port };
            else
                ranges.Add(new(port, port));
        }
        return string.Join(',', ranges.Select(range => range.Count == 1 ? $"{range.First}" : $"{range}")) + '\n';
    }
}
