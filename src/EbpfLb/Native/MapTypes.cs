namespace EbpfLb.Native;

/// <summary>What the kernel's map types mean for their callers (linux/bpf.h, enum bpf_map_type).</summary>
static class MapTypes
{
    public const uint Array = 2;
    const uint PerCpuHash = 5;
    const uint PerCpuArray = 6;
    const uint LruPerCpuHash = 10;

    /// <summary>BPF_F_INNER_MAP: an inner array may have another length than the map of maps' template.</summary>
    public const uint InnerMapFlag = 1 << 12;

    public static int PossibleCpus { get; } =
        Check.NegativeErrno(LibBpf.libbpf_num_possible_cpus(), "counting the possible processors");

    public static bool IsPerCpu(uint type) => type is PerCpuHash or PerCpuArray or LruPerCpuHash;
}
