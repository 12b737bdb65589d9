using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Instances;

/// <summary>Where another version made the maps that say where an instance stands, their heads are read all the same.</summary>
public sealed unsafe class AnyVersionCanBeDetached
{
    const uint Hash = 1; // BPF_MAP_TYPE_HASH

    [Theory]
    [InlineData(8)]
    [InlineData(200)]
    public void However_large_its_value(int size)
    {
        Capabilities.RequireDatapath();
        using var map = new Fd(LibBpf.bpf_map_create(MapTypes.Array, "instance", sizeof(uint), (uint)size, 1, null));
        var key = 0u;
        var value = stackalloc uint[50];
        (value[0], value[1]) = (7, 42);
        Assert.Equal(0, LibBpf.bpf_map_update_elem(map.Number, &key, value, 0));

        Assert.Equal(new InstanceHeader(7, 42), map.ReadFirst<InstanceHeader>());
    }

    [Theory]
    [InlineData(16)]
    [InlineData(200)]
    public void With_link_records_of_any_size(int size)
    {
        Capabilities.RequireDatapath();
        using var map = new Fd(LibBpf.bpf_map_create(Hash, "links", sizeof(uint), (uint)size, 4, null));
        var value = stackalloc byte[200];
        foreach (var (index, name) in new[] { (3u, "front\0"u8.ToArray()), (7u, "back\0\0"u8.ToArray()) })
        {
            var key = index;
            name.CopyTo(new Span<byte>(value, name.Length));
            Assert.Equal(0, LibBpf.bpf_map_update_elem(map.Number, &key, value, 0));
        }

        Assert.Equal(
            [(3u, "front"), (7u, "back")],
            map.ReadAll<LinkHeader>().Select(link => (link.Key, link.Value.Name)).Order());
    }
}
