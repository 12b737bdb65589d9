namespace EbpfLb.Native;

/// <summary>The layout of a map: type and flags (linux/bpf.h), sizes in bytes, and capacity.</summary>
readonly record struct BpfMapLayout(uint Type, uint KeySize, uint ValueSize, uint MaxEntries, uint Flags)
{
    /// <summary>Of a map in the kernel.</summary>
    public static unsafe BpfMapLayout Read(Fd map, string name)
    {
        var info = default(bpf_map_info);
        var length = (uint)sizeof(bpf_map_info);
        Check.NegativeErrno(LibBpf.bpf_obj_get_info_by_fd(map.Number, &info, &length), $"reading the sizes of map {name}");
        return new(info.type, info.key_size, info.value_size, info.max_entries, info.map_flags);
    }
}
