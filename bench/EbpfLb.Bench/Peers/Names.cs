namespace EbpfLb.Bench.Peers;

/// <summary>What the report calls those who are compared.</summary>
static class Names
{
    public const string Direct = "direct";
    public const string Tc = "ebpf-lb on tc", GenericXdp = "ebpf-lb on generic XDP", Dsr = "ebpf-lb in mode dsr";
    public const string Nftables = "nftables NAT", HaProxy = "HAProxy", NginxStream = "nginx stream";

    /// <summary>Ours begin with this.</summary>
    public const string Ours = "ebpf-lb";

    public static readonly IReadOnlyList<string> Proxies = [HaProxy, NginxStream];
    public static readonly IReadOnlyList<string> Peers = [Nftables, .. Proxies];
}
