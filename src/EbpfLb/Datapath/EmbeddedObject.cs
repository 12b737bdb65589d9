using System.Reflection;
using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>The eBPF objects that the build embeds into the executable.</summary>
static class EmbeddedObject
{
    /// <summary>An assembly whose objects this thread opens in place of those of the same name; null for none.</summary>
    [field: ThreadStatic]
    public static Assembly? Preferred { get; set; }

    /// <summary>Opens an object; it is not loaded yet.</summary>
    public static BpfObject Open(string name)
    {
        var resource = $"{name}.bpf.o";
        using var stream = Preferred?.GetManifestResourceStream(resource)
            ?? Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"the build did not embed {resource}");
        var image = new byte[stream.Length];
        stream.ReadExactly(image);
        return BpfObject.Open(name, image);
    }
}
