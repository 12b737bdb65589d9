using System.Runtime.InteropServices.Marshalling;

namespace EbpfLb.Native;

/// <summary>
/// libbpf's functions as <c>bpf.h</c> and <c>libbpf.h</c> declare them. Since version 1.0 an <c>int</c> result is
/// a negative errno on failure; a null pointer leaves its errno in the thread's <c>errno</c>.
/// </summary>
static unsafe partial class LibBpf
{
    public const string Library = "libbpf.so.1";

    /// <summary>Replaces libbpf's default of printing to stderr.</summary>
    static LibBpf()
    {
        try
        {
            libbpf_set_print(&BpfLog.Print);
        }
        catch (DllNotFoundException)
        {
            // The caller's own call fails too, with a better message than a type initializer's.
        }
    }

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint bpf_object__open_mem(void* buffer, nuint size, bpf_object_open_opts* options);

    [LibraryImport(Library)]
    public static partial int bpf_object__load(nint obj);

    [LibraryImport(Library)]
    public static partial void bpf_object__close(nint obj);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial nint bpf_object__find_program_by_name(nint obj, string name);

    [LibraryImport(Library)]
    public static partial nint bpf_object__next_map(nint obj, nint previous);

    [LibraryImport(Library)]
    public static partial int bpf_program__fd(nint program);

    [LibraryImport(Library)]
    public static partial byte* bpf_map__name(nint map);

    [LibraryImport(Library)]
    public static partial int bpf_map__fd(nint map);

    [LibraryImport(Library)]
    public static partial int bpf_map__reuse_fd(nint map, int fd);

    [LibraryImport(Library)]
    public static partial int bpf_map__set_initial_value(nint map, void* data, nuint size);

    [LibraryImport(Library)]
    public static partial int bpf_map__set_max_entries(nint map, uint entries);

    [LibraryImport(Library)]
    public static partial uint bpf_map__type(nint map);

    [LibraryImport(Library)]
    public static partial uint bpf_map__key_size(nint map);

    [LibraryImport(Library)]
    public static partial uint bpf_map__value_size(nint map);

    [LibraryImport(Library)]
    public static partial uint bpf_map__max_entries(nint map);

    [LibraryImport(Library)]
    public static partial uint bpf_map__map_flags(nint map);

    [LibraryImport(Library)]
    public static partial uint bpf_map__btf_key_type_id(nint map);

    [LibraryImport(Library)]
    public static partial uint bpf_map__btf_value_type_id(nint map);

    [LibraryImport(Library)]
    public static partial nint bpf_object__btf(nint obj);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int btf__find_by_name(nint btf, string name);

    [LibraryImport(Library)]
    public static partial btf_type* btf__type_by_id(nint btf, uint id);

    [LibraryImport(Library)]
    public static partial byte* btf__name_by_offset(nint btf, uint offset);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int bpf_map_create(
        uint type, string? name, uint keySize, uint valueSize, uint entries, bpf_map_create_opts* options);

    [LibraryImport(Library)]
    public static partial int bpf_map_lookup_elem(int fd, void* key, void* value);

    [LibraryImport(Library)]
    public static partial int bpf_map_update_elem(int fd, void* key, void* value, ulong flags);

    [LibraryImport(Library)]
    public static partial int bpf_map_delete_elem(int fd, void* key);

    [LibraryImport(Library)]
    public static partial int bpf_map_get_next_key(int fd, void* key, void* next);

    [LibraryImport(Library)]
    public static partial int bpf_map_lookup_batch(
        int fd, void* inBatch, void* outBatch, void* keys, void* values, uint* count, void* options);

    [LibraryImport(Library)]
    public static partial int bpf_map_update_batch(int fd, void* keys, void* values, uint* count, void* options);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int bpf_obj_pin(int fd, string path);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int bpf_obj_get(string path);

    [LibraryImport(Library)]
    public static partial int bpf_obj_get_info_by_fd(int fd, void* info, uint* length);

    [LibraryImport(Library)]
    public static partial int bpf_link_create(int program, int target, uint attachType, bpf_link_create_opts* options);

    [LibraryImport(Library)]
    public static partial int bpf_link_update(int link, int program, void* options);

    [LibraryImport(Library)]
    public static partial int bpf_link_detach(int link);

    [LibraryImport(Library)]
    public static partial int bpf_tc_hook_create(bpf_tc_hook* hook);

    [LibraryImport(Library)]
    public static partial int bpf_tc_attach(bpf_tc_hook* hook, bpf_tc_opts* options);

    [LibraryImport(Library)]
    public static partial int bpf_tc_detach(bpf_tc_hook* hook, bpf_tc_opts* options);

    [LibraryImport(Library)]
    public static partial int bpf_tc_query(bpf_tc_hook* hook, bpf_tc_opts* options);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint ring_buffer__new(
        int map, delegate* unmanaged<nint, void*, nuint, int> sample, nint context, void* options);

    [LibraryImport(Library)]
    public static partial int ring_buffer__consume(nint ring);

    [LibraryImport(Library)]
    public static partial void ring_buffer__free(nint ring);

    [LibraryImport(Library)]
    public static partial int libbpf_num_possible_cpus();

    [LibraryImport(Library)]
    public static partial nint libbpf_set_print(delegate* unmanaged<int, byte*, nint, int> print);

    [LibraryImport(Library)]
    [return: MarshalUsing(typeof(StaticString))]
    public static partial string libbpf_version_string();
}

/// <summary>A C string that its library owns.</summary>
[CustomMarshaller(typeof(string), MarshalMode.ManagedToUnmanagedOut, typeof(StaticString))]
static unsafe class StaticString
{
    public static string ConvertToManaged(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";
}
