namespace EbpfLb.Abi;

/// <summary>The constants of <c>bpf/abi.h</c>.</summary>
static class Limits
{
    public const uint AbiVersion = 15;
    public const int LabelLength = 64;
    public const int LinkNameLength = 16;

    /// <summary>ICMP errors of the balancer's own that each processor sends in a second.</summary>
    public const uint IcmpPerSecond = 1000;

    /// <summary>An id that names nothing.</summary>
    public const uint NoId = uint.MaxValue;
}
