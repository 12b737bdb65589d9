using System.Runtime.InteropServices;
using EbpfLb.Native;

namespace EbpfLb.Unit.Abi;

/// <summary>A member of a C struct; offset and size in bytes.</summary>
sealed record BtfMember(string Name, int Offset, int Size);

sealed record BtfStruct(string Name, int Size, IReadOnlyList<BtfMember> Members);

sealed record BtfEnum(string Name, int Size, IReadOnlyDictionary<string, uint> Values);

/// <summary>The named structs and enums of a compiled object's type information (.BTF, linux/btf.h).</summary>
sealed unsafe partial class Btf
{
    const string Library = "libbpf.so.1";

    const uint KindStruct = 4;
    const uint KindEnum = 6;

    readonly Dictionary<string, BtfStruct> _structs = [];
    readonly Dictionary<string, BtfEnum> _enums = [];

    Btf(nint btf)
    {
        for (var id = 1u; id < btf__type_cnt(btf); id++)
        {
            var type = btf__type_by_id(btf, id);
            var kind = type->info >> 24 & 0x1f;
            var name = NameAt(btf, type->name_off);
            if (kind == KindStruct && name.Length != 0)
                _structs[name] = new(name, (int)type->size_or_type, MembersOf(btf, type));
            if (kind == KindEnum && name.Length != 0)
                _enums[name] = new(name, (int)type->size_or_type, ValuesOf(btf, type));
        }
    }

    public IEnumerable<BtfStruct> Structs => _structs.Values;

    public IEnumerable<BtfEnum> Enums => _enums.Values;

    /// <param name="resource">The embedded object's name.</param>
    public static Btf OfEmbedded(string resource)
    {
        using var stream = typeof(LibBpf).Assembly.GetManifestResourceStream(resource)!;
        var image = new byte[stream.Length];
        stream.ReadExactly(image);
        fixed (byte* bytes = image)
        {
            var options = new bpf_object_open_opts { sz = (nuint)sizeof(bpf_object_open_opts) };
            var opened = Check.NullWithErrno(
                LibBpf.bpf_object__open_mem(bytes, (nuint)image.Length, &options), $"opening {resource}");
            try
            {
                return new Btf(bpf_object__btf(opened));
            }
            finally
            {
                LibBpf.bpf_object__close(opened);
            }
        }
    }

    static List<BtfMember> MembersOf(nint btf, btf_type* type)
    {
        var members = new List<BtfMember>();
        var member = (btf_member*)(type + 1);
        for (var i = 0; i < (type->info & 0xffff); i++, member++)
        {
            var size = (int)btf__resolve_size(btf, member->type);
            members.Add(new(NameAt(btf, member->name_off), (int)member->offset / 8, size));
        }
        return members;
    }

    static Dictionary<string, uint> ValuesOf(nint btf, btf_type* type)
    {
        var values = new Dictionary<string, uint>();
        var value = (btf_enum*)(type + 1);
        for (var i = 0; i < (type->info & 0xffff); i++, value++)
            values.Add(NameAt(btf, value->name_off), (uint)value->val);
        return values;
    }

    static string NameAt(nint btf, uint offset) => Marshal.PtrToStringUTF8((nint)btf__name_by_offset(btf, offset))!;

    [LibraryImport(Library)]
    private static partial nint bpf_object__btf(nint obj);

    [LibraryImport(Library)]
    private static partial uint btf__type_cnt(nint btf);

    [LibraryImport(Library)]
    private static partial btf_type* btf__type_by_id(nint btf, uint id);

    [LibraryImport(Library)]
    private static partial byte* btf__name_by_offset(nint btf, uint offset);

    [LibraryImport(Library)]
    private static partial long btf__resolve_size(nint btf, uint id);
}
