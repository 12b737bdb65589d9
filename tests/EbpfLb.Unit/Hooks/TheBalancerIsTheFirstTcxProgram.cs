using System.Runtime.InteropServices;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Hooks;

/// <summary>A program in front could keep packets from it: one that returns TCX_PASS ends the list.</summary>
public sealed unsafe partial class TheBalancerIsTheFirstTcxProgram
{
    const int TcxIngress = 46; // BPF_TCX_INGRESS
    const int MaxPrograms = 8;

    [Fact]
    public void A_program_attaches_in_front_of_those_that_are_there()
    {
        Capabilities.RequireDatapath();
        using var former = LoadedDatapath.Load(HookKind.Tc, Balancer.Defaults, new(64));
        using var latter = LoadedDatapath.Load(HookKind.Tc, Balancer.Defaults, new(64));
        var network = new NetworkNamespace();
        network.Configure("link add one type veth peer name other", "address add 192.0.2.1/24 dev one");

        var order = network.Run(() =>
        {
            var device = NetworkDevice.Find("one");
            using var first = LinkAttachment.TryTcx(former.Tc, device);
            Assert.SkipWhen(first is null, "the kernel has no tcx links, which came with 6.6");
            using var second = LinkAttachment.TryTcx(latter.Tc, device);
            return ProgramsOn(device);
        });

        Assert.Equal([IdOf(latter.Tc), IdOf(former.Tc)], order);
    }

    static uint[] ProgramsOn(NetworkDevice device)
    {
        uint flags = 0, count = MaxPrograms;
        var ids = new uint[MaxPrograms];
        fixed (uint* first = ids)
            Assert.Equal(0, bpf_prog_query((int)device.Index, TcxIngress, 0, &flags, first, &count));
        return ids[..(int)count];
    }

    static uint IdOf(Fd program)
    {
        var info = stackalloc uint[2]; // struct bpf_prog_info begins with the type and the id
        uint length = 2 * sizeof(uint);
        Assert.Equal(0, LibBpf.bpf_obj_get_info_by_fd(program.Number, info, &length));
        return info[1];
    }

    [LibraryImport("libbpf.so.1")]
    private static partial int bpf_prog_query(int target, int type, uint queryFlags, uint* attachFlags, uint* ids, uint* count);
}
