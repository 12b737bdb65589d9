using System.Runtime.InteropServices;

namespace EbpfLb.Native;

/// <summary>Reading of a map that another version may have made.</summary>
static unsafe class BpfMapHead
{
    /// <summary>What the value under key 0 of an array begins with, however it goes on.</summary>
    public static T ReadFirst<T>(this Fd map)
        where T : unmanaged
    {
        var info = default(bpf_map_info);
        var length = (uint)sizeof(bpf_map_info);
        Check.NegativeErrno(LibBpf.bpf_obj_get_info_by_fd(map.Number, &info, &length), "asking for the sizes of a map");
        var value = new byte[Math.Max(info.value_size, sizeof(T))];
        var key = 0u;
        fixed (byte* bytes = value)
            Check.NegativeErrno(LibBpf.bpf_map_lookup_elem(map.Number, &key, bytes), "reading the first value of a map");
        return MemoryMarshal.Read<T>(value);
    }
}
