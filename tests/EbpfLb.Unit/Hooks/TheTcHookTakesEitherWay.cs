using EbpfLb.Configuration;
using EbpfLb.Hooks;
using EbpfLb.Native;
using EbpfLb.Unit.Datapath.Harness;
using LoadedDatapath = EbpfLb.Tables.Datapath;

namespace EbpfLb.Unit.Hooks;

/// <summary>A tcx link where the kernel has it, and a clsact filter where it has not.</summary>
public sealed class TheTcHookTakesEitherWay
{
    [Fact]
    public void A_filter_is_attached_found_again_and_removed()
    {
        Capabilities.RequireDatapath();
        using var datapath = LoadedDatapath.Load(HookKind.Tc, Balancer.Usual, maxFlows: 64);
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
    public void Detaching_twice_is_no_fault()
    {
        Capabilities.RequireDatapath();
        using var datapath = LoadedDatapath.Load(HookKind.Tc, Balancer.Usual, maxFlows: 64);
        TestNetwork.Shared.Inside(() =>
        {
            var attachment = ClsactAttachment.Attach(datapath.Tc, NetworkDevice.Find("far"));
            attachment.Detach();
            attachment.Detach();
            return true;
        });
    }

    [Theory]
    [InlineData((int)HookKind.Tc, new[] { "link_tc" })]
    [InlineData((int)HookKind.XdpGeneric, new[] { "link_xdp", "link_tc" })]
    public void Every_hook_is_free_again_after_it_was_detached(int hook, string[] names)
    {
        Capabilities.RequireDatapath();
        using var datapath = LoadedDatapath.Load((HookKind)hook, Balancer.Usual, maxFlows: 64);
        for (var round = 0; round < 2; round++)
        {
            TestNetwork.Shared.Inside(() =>
            {
                var attached = Attacher.Attach(datapath, (HookKind)hook, NetworkDevice.Find("far"));
                Assert.Equal(names, attached.Select(named => named.Name));
                foreach (var (_, attachment) in attached)
                {
                    attachment.Detach();
                    attachment.Dispose();
                }
                return true;
            });
        }
    }

    [Fact]
    public void A_second_xdp_program_is_refused()
    {
        Capabilities.RequireDatapath();
        using var datapath = LoadedDatapath.Load(HookKind.XdpGeneric, Balancer.Usual, maxFlows: 64);
        TestNetwork.Shared.Inside(() =>
        {
            var device = NetworkDevice.Find("far");
            using var first = LinkAttachment.Xdp(datapath.Xdp!, device, flags: 1 << 1);
            var fault = Assert.Throws<NativeException>(() => Attacher.Attach(datapath, HookKind.XdpGeneric, device));
            Assert.True(Attacher.IsRefusal(fault));
            first.Detach();
            return true;
        });
    }
}
