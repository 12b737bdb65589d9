using EbpfLb.Instances;
using EbpfLb.Native;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Instances;

/// <summary>Where another version made the map of the instance, its head is read all the same.</summary>
public sealed unsafe class AnyVersionIsTakenDown
{
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

        Assert.Equal(new InstanceHead(7, 42), map.ReadFirst<InstanceHead>());
    }
}
