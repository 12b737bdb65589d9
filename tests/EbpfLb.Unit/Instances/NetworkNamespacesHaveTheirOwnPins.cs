using EbpfLb.Datapath;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Instances;

/// <summary>A bpf file system that several network namespaces share shows each what was pinned in it, and nothing else.</summary>
public sealed class NetworkNamespacesHaveTheirOwnPins
{
    [Fact]
    public void Also_if_a_namespace_is_made_after_another_ended()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(() =>
        {
            Machine.Start(Machine.Defaults).Dispose();

            NetworkNamespace.MoveOn();

            Assert.Empty(Instance.All());
        });
        machine.Plug();
        machine.Inside(() =>
        {
            using var attached = Machine.Start(Machine.Defaults);
            Assert.False(attached.IsAdopted);
        });
    }
}
