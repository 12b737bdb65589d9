namespace EbpfLb.Native;

// libbpf's option structs: the first member is the size of the struct.

unsafe struct bpf_object_open_opts
{
    public nuint sz;
    public byte* object_name;
}

struct bpf_map_create_opts
{
    public nuint sz;
    public uint btf_fd;
    public uint btf_key_type_id;
    public uint btf_value_type_id;
    public uint btf_vmlinux_value_type_id;
    public uint inner_map_fd;
    public uint map_flags;
    public ulong map_extra;
    public uint numa_node;
    public uint map_ifindex;
}

struct bpf_link_create_opts
{
    public nuint sz;
    public uint flags;
}

struct bpf_tc_hook
{
    public nuint sz;
    public int ifindex;
    public int attach_point;
    public uint parent;
}

struct bpf_tc_opts
{
    public nuint sz;
    public int prog_fd;
    public uint flags;
    public uint prog_id;
    public uint handle;
    public uint priority;
}

/// <summary>The head of the kernel's <c>struct bpf_map_info</c> (linux/bpf.h).</summary>
struct bpf_map_info
{
    public uint type;
    public uint id;
    public uint key_size;
    public uint value_size;
    public uint max_entries;
    public uint map_flags;
}

/// <summary>The head of the kernel's <c>struct bpf_link_info</c> (linux/bpf.h), as links to interfaces and cgroups fill it.</summary>
[StructLayout(LayoutKind.Explicit)]
struct bpf_link_info
{
    [FieldOffset(0)]
    public uint type;
    [FieldOffset(4)]
    public uint id;
    [FieldOffset(8)]
    public uint prog_id;

    /// <summary>Of an XDP or a tcx link.</summary>
    [FieldOffset(16)]
    public uint ifindex;

    /// <summary>Of a link to a cgroup.</summary>
    [FieldOffset(16)]
    public ulong cgroup_id;
}

// Type information, as linux/btf.h lays it out.

struct btf_type
{
    public uint name_off;
    public uint info;
    public uint size_or_type;
}

struct btf_array
{
    public uint type;
    public uint index_type;
    public uint nelems;
}

struct btf_member
{
    public uint name_off;
    public uint type;
    public uint offset; // in bits
}

struct btf_enum
{
    public uint name_off;
    public int val;
}
