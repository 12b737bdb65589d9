namespace EbpfLb.Native;

/// <summary>
/// A C type from BTF (linux/btf.h) as text: members with names, offsets and types, and enum values. Equal texts mean
/// equal layouts.
/// </summary>
sealed unsafe class BtfShape
{
    const uint Int = 1, Pointer = 2, Array = 3, Struct = 4, Union = 5, Enum = 6, Typedef = 8, Volatile = 9, Const = 10;

    readonly nint _btf;
    readonly StringBuilder _words = new();

    BtfShape(nint btf) => _btf = btf;

    /// <param name="btf">libbpf's handle for the object.</param>
    /// <param name="type">A type id; 0 is void.</param>
    public static string Describe(nint btf, uint type)
    {
        var shape = new BtfShape(btf);
        shape.Append(type);
        return shape._words.ToString();
    }

    void Append(uint id)
    {
        if (id == 0)
        {
            _words.Append("void");
            return;
        }
        var type = LibBpf.btf__type_by_id(_btf, id);
        var kind = type->info >> 24 & 0x1f;
        if (kind is Volatile or Const)
        {
            Append(type->size_or_type);
            return;
        }
        _words.Append(CultureInfo.InvariantCulture, $"{kind} {Name(type->name_off)}");
        switch (kind)
        {
            case Int:
                _words.Append(CultureInfo.InvariantCulture, $" {type->size_or_type} {*(uint*)(type + 1):x}");
                break;
            case Typedef: // significant: __be16 is not __u16
                _words.Append('=');
                Append(type->size_or_type);
                break;
            case Array:
                var array = (btf_array*)(type + 1);
                _words.Append(CultureInfo.InvariantCulture, $"[{array->nelems}]");
                Append(array->type);
                break;
            case Struct or Union:
                AppendMembers(type);
                break;
            case Enum:
                AppendValues(type);
                break;
            case Pointer:
                break;
            default:
                throw new InvalidOperationException($"a map's type has a part of BTF kind {kind}, whose layout is not known here");
        }
    }

    void AppendMembers(btf_type* type)
    {
        var member = (btf_member*)(type + 1);
        _words.Append(CultureInfo.InvariantCulture, $" {type->size_or_type}{{");
        for (var left = type->info & 0xffff; left > 0; left--, member++)
        {
            _words.Append(CultureInfo.InvariantCulture, $"{Name(member->name_off)}@{member->offset}:");
            Append(member->type);
            _words.Append(';');
        }
        _words.Append('}');
    }

    void AppendValues(btf_type* type)
    {
        var value = (btf_enum*)(type + 1);
        _words.Append(CultureInfo.InvariantCulture, $" {type->size_or_type}{{");
        for (var left = type->info & 0xffff; left > 0; left--, value++)
            _words.Append(CultureInfo.InvariantCulture, $"{Name(value->name_off)}={value->val};");
        _words.Append('}');
    }

    string Name(uint offset) => Marshal.PtrToStringUTF8((nint)LibBpf.btf__name_by_offset(_btf, offset))!;
}
