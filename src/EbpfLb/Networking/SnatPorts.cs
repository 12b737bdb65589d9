namespace EbpfLb.Networking;

/// <summary>
/// Who uses which ports towards backends: SNAT keeps clients' ports, also those of <c>ip_local_port_range</c>, and
/// exchanges others for substitutes, which no local socket gets by itself. The balancer's own connections have a range
/// that SNAT never uses.
/// </summary>
/// <param name="Local">The namespace's <c>ip_local_port_range</c>.</param>
readonly record struct SnatPorts(PortRange Local)
{
    public const ushort FirstKept = 1024;
    public const ushort LastKept = 64511;

    /// <summary>Few enough to be reserved, and enough for 270 connections a second to rest for a minute each.</summary>
    const int MinSubstitutes = 16384;

    const string LocalFile = "/proc/sys/net/ipv4/ip_local_port_range";

    /// <summary>The source ports of the balancer's own connections to backends.</summary>
    public static PortRange Own { get; } = new(LastKept + 1, ushort.MaxValue);

    /// <summary>What is reserved from the local stack if its range leaves too few ports.</summary>
    public static PortRange Reserved { get; } = new(FirstKept, FirstKept + MinSubstitutes - 1);

    PortRange Below => new(FirstKept, (ushort)Math.Clamp(Local.First - 1, FirstKept - 1, LastKept));

    PortRange Above => new((ushort)Math.Clamp(Local.Last + 1, FirstKept, LastKept + 1), LastKept);

    PortRange Outside => Below.Count >= Above.Count ? Below : Above;

    /// <summary>True if the substitutes are the local stack's too unless they are reserved from it.</summary>
    public bool NeedReservation => Outside.Count < MinSubstitutes;

    public PortRange Substitutes => NeedReservation ? Reserved : Outside;

    public static SnatPorts Read()
    {
        var range = ProcFile.Fields(File.ReadAllText(LocalFile));
        return new(new(ushort.Parse(range[0], CultureInfo.InvariantCulture), ushort.Parse(range[1], CultureInfo.InvariantCulture)));
    }
}

/// <summary>Ports from <paramref name="First"/> to <paramref name="Last"/>, both included.</summary>
readonly record struct PortRange(ushort First, ushort Last)
{
    public int Count => Math.Max(0, Last - First + 1);

    public override string ToString() => $"{First}-{Last}";
}
