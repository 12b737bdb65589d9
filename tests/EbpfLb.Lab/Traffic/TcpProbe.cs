namespace EbpfLb.Lab.Traffic;

/// <summary>What came of connecting to a TCP port, and how soon.</summary>
public sealed record TcpProbe(ProbeResult Result, TimeSpan After);

/// <summary>What came of a datagram to a UDP port, and how soon.</summary>
public sealed record UdpProbe(ProbeResult Result, TimeSpan After);

/// <summary>Whether anybody is at a port.</summary>
public enum ProbeResult
{
    /// <summary>A server took the connection.</summary>
    Open,

    /// <summary>The machine said that nobody is there.</summary>
    Refused,

    /// <summary>A machine on the way said that it gets no further.</summary>
    Unreachable,

    /// <summary>Nothing came back.</summary>
    Silence,
}
