using EbpfLb.Native;

namespace EbpfLb.Unit.Instances;

/// <summary>The maps that user space writes, byte for byte.</summary>
static unsafe class WrittenMaps
{
    static readonly string[] Names =
        ["services", "backends", "links", "slots", "rr_counters", "service_labels", "backend_labels", "instance"];

    /// <summary>Each entry of the pinned maps that is not zero; of a slot table the number that the kernel gave it.</summary>
    public static string[] Read(string directory) => [.. Names.SelectMany(name => Read(directory, name))];

    static List<string> Read(string directory, string name)
    {
        using var map = Fd.OpenPin(Path.Combine(directory, name));
        var layout = BpfMapLayout.Read(map, name);
        byte[] previous = new byte[layout.KeySize], key = new byte[layout.KeySize], value = new byte[layout.ValueSize];
        var entries = new List<string>();
        var isFirst = true;
        fixed (byte* p = previous, k = key, v = value)
        {
            while (LibBpf.bpf_map_get_next_key(map.Number, isFirst ? null : p, k) == 0)
            {
                // A service without a slot table has no entry.
                if (LibBpf.bpf_map_lookup_elem(map.Number, k, v) == 0 && value.AsSpan().ContainsAnyExcept((byte)0))
                    entries.Add($"{name} {Convert.ToHexString(key)}: {Convert.ToHexString(value)}");
                key.CopyTo(previous, 0);
                isFirst = false;
            }
        }
        return entries;
    }
}
