using System.IO.Hashing;
using System.Text;
using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>How a build lays out the maps that outlive a process.</summary>
/// <param name="Maps">What each is made as, by their names.</param>
/// <param name="Digest">
/// Of the C types in them, from the object's type information: a member that moved, or an enum's value that means
/// something else now, changes no size.
/// </param>
sealed record TableLayout(IReadOnlyDictionary<string, BpfMapLayout> Maps, ulong Digest)
{
    /// <summary>That of an object which has been set up, and not loaded: then libbpf forgets some of the types.</summary>
    public static TableLayout Read(BpfObject built)
    {
        var shapes = LbTables.Names.Select(name => $"{name}: {built.ShapeOf(name)}\n").Append(built.ShapeOfType("lb_event"));
        return new(
            LbTables.Names.ToDictionary(name => name, built.LayoutOf),
            XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(string.Concat(shapes))));
    }
}
