namespace EbpfLb.Native;

/// <summary>A compiled eBPF object: open, set up, load. Its maps and programs are independent descriptors.</summary>
sealed unsafe class BpfObject : SafeHandle
{
    readonly string _name;
    readonly Dictionary<string, nint> _maps = [];

    BpfObject(string name)
        : base(0, ownsHandle: true) => _name = name;

    public override bool IsInvalid => handle == 0;

    public IEnumerable<string> MapNames => _maps.Keys;

    /// <param name="name">Names the object in errors.</param>
    public static BpfObject Open(string name, ReadOnlySpan<byte> image)
    {
        var result = new BpfObject(name);
        fixed (byte* bytes = image)
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
        {
            var options = new bpf_object_open_opts { sz = (nuint)sizeof(bpf_object_open_opts), object_name = text };
            result.SetHandle(Check.NullWithErrno(
                LibBpf.bpf_object__open_mem(bytes, (nuint)image.Length, &options), $"opening the eBPF object {name}"));
        }
        for (var map = LibBpf.bpf_object__next_map(result.handle, 0); map != 0; map = LibBpf.bpf_object__next_map(result.handle, map))
            result._maps[Marshal.PtrToStringUTF8((nint)LibBpf.bpf_map__name(map))!] = map;
        return result;
    }

    /// <summary>Sets constants that the verifier will fold into the program.</summary>
    public void SetConstants<T>(string map, T value)
        where T : unmanaged =>
        Check.NegativeErrno(
            LibBpf.bpf_map__set_initial_value(_maps[map], &value, (nuint)sizeof(T)), $"setting {map} of {_name}");

    public void SetMaxEntries(string map, uint entries) =>
        Check.NegativeErrno(LibBpf.bpf_map__set_max_entries(_maps[map], entries), $"sizing map {map} of {_name}");

    /// <summary>The layout of a map as set up so far.</summary>
    public BpfMapLayout LayoutOf(string map) => new(
        LibBpf.bpf_map__type(_maps[map]), LibBpf.bpf_map__key_size(_maps[map]), LibBpf.bpf_map__value_size(_maps[map]),
        LibBpf.bpf_map__max_entries(_maps[map]), LibBpf.bpf_map__map_flags(_maps[map]));

    /// <summary>The C types of a map's keys and values, as text.</summary>
    public string ShapeOf(string map)
    {
        var btf = LibBpf.bpf_object__btf(handle);
        return $"{BtfShape.Describe(btf, LibBpf.bpf_map__btf_key_type_id(_maps[map]))} "
            + BtfShape.Describe(btf, LibBpf.bpf_map__btf_value_type_id(_maps[map]));
    }

    public string ShapeOfType(string name)
    {
        var btf = LibBpf.bpf_object__btf(handle);
        return BtfShape.Describe(btf, (uint)Check.NegativeErrno(LibBpf.btf__find_by_name(btf, name), $"finding type {name} in {_name}"));
    }

    public void ReuseMap(string map, Fd existing) =>
        Check.NegativeErrno(LibBpf.bpf_map__reuse_fd(_maps[map], existing.Number), $"sharing map {map} with {_name}");

    /// <summary>Creates the maps and has the verifier check the programs.</summary>
    /// <exception cref="LoadException">The kernel refused a map or a program; it has libbpf's and the verifier's log.</exception>
    public void Load()
    {
        BpfLog.Begin();
        var result = LibBpf.bpf_object__load(handle);
        var log = BpfLog.End();
        if (result < 0)
            throw new LoadException(_name, -result, log);
    }

    public Fd Map(string name) => Fd.Duplicate(LibBpf.bpf_map__fd(_maps[name]), $"map {name}");

    public Fd Program(string name)
    {
        var program = Check.NullWithErrno(
            LibBpf.bpf_object__find_program_by_name(handle, name), $"finding program {name} in {_name}");
        return Fd.Duplicate(LibBpf.bpf_program__fd(program), $"program {name}");
    }

    protected override bool ReleaseHandle()
    {
        LibBpf.bpf_object__close(handle);
        return true;
    }
}
