using System.Diagnostics;
using EbpfLb.Instances;
using EbpfLb.Native;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Instances;

/// <summary>A bpf file system that several network namespaces share shows each what was pinned in it, and nothing else.</summary>
public sealed class EachNetworkHasItsOwnPins
{
    [Fact]
    public void Also_where_one_has_the_number_of_one_that_ended()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(() =>
        {
            Machine.Start(Machine.Usual).Dispose();
            var (number, patience) = (Netns.Number, Stopwatch.StartNew());

            do
            {
                NetworkNamespace.MoveOn();
                Assert.True(patience.Elapsed < TimeSpan.FromSeconds(20), "no network got the number of the one that ended");
            }
            while (Netns.Number != number);

            Assert.Empty(Instance.All());
        });
        machine.Plug();
        machine.Inside(() =>
        {
            using var attached = Machine.Start(Machine.Usual);
            Assert.False(attached.IsAdopted);
        });
    }

    [Fact]
    public void Those_of_builds_that_told_networks_apart_by_number_are_found()
    {
        Capabilities.RequireDatapath();
        new Machine().Inside(() =>
        {
            Machine.Start(Machine.Usual).Dispose();
            var own = Path.GetDirectoryName(Machine.Pins)!;
            Directory.Move(own, Path.Combine(Path.GetDirectoryName(own)!, Netns.Number));

            Assert.Equal([Machine.Interface], Instance.All());
            using var attached = Machine.Start(Machine.Usual);
            Assert.True(attached.IsAdopted);
            attached.Detach();
            Assert.Empty(Directory.GetDirectories(BpfFs.Root));
        });
    }
}
