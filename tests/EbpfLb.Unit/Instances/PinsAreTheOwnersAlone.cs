using EbpfLb.Datapath;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Instances;

public sealed class PinsAreTheOwnersAlone
{
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    [Fact]
    public void A_bpf_file_system_that_is_mounted_here_lets_nobody_else_in()
    {
        Capabilities.RequireDatapath();
        var network = new NetworkNamespace();
        network.MountPins();
        network.Hide(BpfFs.Root);

        Assert.True(network.Run(BpfFs.Ensure));

        Assert.Equal(OwnerOnly | UnixFileMode.StickyBit, network.Run(() => File.GetUnixFileMode(BpfFs.Root)));
    }

    [Fact]
    public void An_instances_directory_lets_nobody_else_in()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();

        machine.Inside(() => Machine.Start(Machine.Defaults).Dispose());

        Assert.Equal(OwnerOnly, machine.Inside(() => File.GetUnixFileMode(Machine.Pins)));
    }
}
