namespace EbpfLb.Bench.Peers;

/// <summary>What the report calls ours.</summary>
static class Names
{
    public const string Tc = "ebpf-lb, tc", GenericXdp = "ebpf-lb, generic XDP", Dsr = "ebpf-lb, tc, dsr";
}
