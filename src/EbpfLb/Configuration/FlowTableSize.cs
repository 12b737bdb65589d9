namespace EbpfLb.Configuration;

/// <summary>How many flows there may be room for.</summary>
static class FlowTableSize
{
    public const uint Default = 65536;

    /// <summary>An LRU map keeps lists for each processor: a smaller one evicts before it is full.</summary>
    public const uint Min = 1024;

    /// <summary>Some six gigabytes of the kernel's memory.</summary>
    public const uint Max = 1 << 24;

    /// <summary>Flows that are opening have a space of their own: a quarter of the table's, but not too few for handshakes to end.</summary>
    public static uint HalfOpen(uint flows) => Math.Max(Min, flows / 4);
}
