using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Networking;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Hooks;

/// <summary>A tcx link where the kernel has it, and a clsact filter where it has not.</summary>
public sealed class TcAttachesByTcxOrClsact
{
    [Fact]
    public void A_filter_is_attached_found_again_and_removed()
    {
        Capabilities.RequireDatapath();
        using var datapath = LoadedDatapath.Load(HookKind.Tc, Balancer.Defaults, new(64));
        TestNetwork.Shared.Inside(() =>
        {
            var device = NetworkDevice.Find("far");
            Assert.Null(ClsactAttachment.Find(device.Index));

            ClsactAttachment.Attach(datapath.Tc, device);
            var found = ClsactAttachment.Find(device.Index);
            Assert.NotNull(found);
            found.Detach();

            Assert.Null(ClsactAttachment.Find(device.Index));
            return true;
        });
    }

    [Fact]
    public void Another_program_takes_the_place_of_the_one_in_the_filter()
    {
        Capabilities.RequireDatapath();
        using var datapath = LoadedDatapath.Load(HookKind.Tc, Balancer.Defaults, new(64));
        using var another = LoadedDatapath.Load(HookKind.Tc, Balancer.Defaults, new(64));
        TestNetwork.Shared.Inside(() =>
        {
            var device = NetworkDevice.Find("far");
            ClsactAttachment.Attach(datapath.Tc, device);

            var attachment = ClsactAttachment.Attach(another.Tc, device);

            attachment.Detach();
            Assert.Null(ClsactAttachment.Find(device.Index)); // there were not two
            return true;
        });
    }

    [Fact]
    public void Detaching_twice_is_no_fault()
    {
        Capabilities.RequireDatapath();
        using var datapath = LoadedDatapath.Load(HookKind.Tc, Balancer.Defaults, new(64));
        TestNetwork.Shared.Inside(() =>
        {
            var attachment = ClsactAttachment.Attach(datapath.Tc, NetworkDevice.Find("far"));
            attachment.Detach();
            attachment.Detach();
            return true;
        });
    }
}
