namespace EbpfLb.Lab;

/// <summary>The family of the addresses that a spec's traffic goes to.</summary>
public enum Family
{
    IPv4,
    IPv6,
}
