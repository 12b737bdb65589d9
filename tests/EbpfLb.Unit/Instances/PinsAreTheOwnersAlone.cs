using System.Runtime.InteropServices;
using EbpfLb.Datapath;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Instances;

public sealed partial class PinsAreTheOwnersAlone
{
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    [Fact]
    public void A_bpf_file_system_mounted_here_is_closed_to_other_users()
    {
        Capabilities.RequireDatapath();
        var network = new NetworkNamespace();
        network.MountPins();
        network.Hide(BpfFs.Root);

        Assert.True(network.Run(BpfFs.Ensure));

        Assert.Equal(OwnerOnly | UnixFileMode.StickyBit, network.Run(() => File.GetUnixFileMode(BpfFs.Root)));
    }

    [Fact]
    public void An_instances_directory_is_closed_to_other_users()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();

        machine.Inside(() => Machine.Start(Machine.Defaults).Dispose());

        Assert.Equal(OwnerOnly, machine.Inside(() => File.GetUnixFileMode(Machine.Pins)));
    }

    [Fact]
    public void A_directory_of_another_user_is_refused()
    {
        const uint Nobody = 65534;
        Capabilities.RequireDatapath();
        var machine = new Machine();
        var shared = Path.Combine(BpfFs.Root, "ebpf-lb");
        Assert.Equal(0, machine.Inside(() => chown(Directory.CreateDirectory(shared).FullName, Nobody, Nobody)));

        var error = Assert.Throws<LoadBalancerException>(() => machine.Inside(() => Machine.Start(Machine.Defaults)));

        Assert.StartsWith($"no pins are made in {shared}: it belongs to user {Nobody}", error.Message);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int chown(string path, uint user, uint group);
}
