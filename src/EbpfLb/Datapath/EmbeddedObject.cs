using System.Reflection;
using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>The eBPF objects that the build embeds into the executable.</summary>
static class EmbeddedObject
{
    /// <summary>Opens an object; it is not loaded yet.</summary>
    public static BpfObject Open(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{name}.bpf.o")
            ?? throw new InvalidOperationException($"the build did not embed {name}.bpf.o");
        var image = new byte[stream.Length];
        stream.ReadExactly(image);
        return BpfObject.Open(name, image);
    }
}
