using System.IO.Hashing;
using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>The layout of the pinned maps.</summary>
/// <param name="Digest">Of the C types, from BTF: a moved member or a changed enum value changes no size.</param>
sealed record TableLayout(IReadOnlyDictionary<string, BpfMapLayout> Maps, ulong Digest)
{
    /// <summary>Of an object that is set up and not loaded yet: loading discards some of the types.</summary>
    public static TableLayout Read(BpfObject built)
    {
        var shapes = LbTables.Names.Select(name => $"{name}: {built.ShapeOf(name)}\n").Append(built.ShapeOfType("lb_event"));
        return new(
            LbTables.Names.ToDictionary(name => name, built.LayoutOf),
            XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(string.Concat(shapes))));
    }
}
