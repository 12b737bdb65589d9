namespace EbpfLb.Configuration;

/// <summary>The number of flows that the tables can hold.</summary>
static class FlowTableSize
{
    public const uint Default = 65536;

    /// <summary>Kernel memory for each flow, with the tables of half-open and UDP flows and of resting ports.</summary>
    public const uint BytesPerFlow = 745;

    /// <summary>An LRU map has lists per processor: a smaller one evicts before it is full.</summary>
    public const uint Min = 1024;

    /// <summary>About twelve gigabytes of kernel memory.</summary>
    public const uint Max = 1 << 24;

    /// <summary>Half-open flows have their own table: a quarter of the size, but enough for handshakes to complete.</summary>
    public static uint HalfOpen(uint flows) => Math.Max(Min, flows / 4);

    /// <summary>UDP flows have their own table, half as large: datagrams, which anybody can forge, evict no connection.</summary>
    public static uint Udp(uint flows) => Math.Max(Min, flows / 2);

    /// <summary>NAT ports that rest have their own table: two for each flow, in sets of eight.</summary>
    public static uint RestingSets(uint flows) => Math.Max(Min, flows) / 4;
}
