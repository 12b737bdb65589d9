using System.Runtime.InteropServices;
using EbpfLb.Native;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Runs a loaded program on one frame in the kernel (BPF_PROG_TEST_RUN).</summary>
static unsafe partial class TestRun
{
    /// <summary>Has the kernel keep skb->csum as a card would, and compare it afterwards (linux/bpf.h).</summary>
    const uint ChecksumComplete = 1 << 2;

    const int SkBuffIfindex = 10; // struct __sk_buff, in 32-bit words
    const int SkBuffGsoSize = 44;
    const int SkBuffWords = 48;
    const int XdpDataEnd = 1; // struct xdp_md
    const int XdpIngressIfindex = 3;
    const int XdpWords = 6;

    /// <summary>The program's return code, and the frame as it left it. Call it inside the test network.</summary>
    /// <param name="program">The tc program.</param>
    /// <param name="frame">What it gets.</param>
    /// <param name="ifindex">The interface that the frame came by.</param>
    /// <param name="cardSummed">With a sum over the packet, as cards take it; the run fails unless it is kept right.</param>
    /// <param name="segmentSize">In bytes, of a segment that is yet to be cut; 0 for what is sent as it is.</param>
    public static (int Code, byte[] Frame) OnTc(
        Fd program, byte[] frame, uint ifindex, bool cardSummed = false, int segmentSize = 0)
    {
        var context = SkBuff(ifindex);
        context[SkBuffGsoSize] = (uint)segmentSize;
        var (code, left, _) = Run(program, frame, context, cardSummed ? ChecksumComplete : 0);
        return (code, left);
    }

    /// <summary>As <see cref="OnTc"/>, for the XDP program.</summary>
    public static (int Code, byte[] Frame) OnXdp(Fd program, byte[] frame, uint ifindex)
    {
        var (code, left, _) = Run(program, frame, XdpMd(frame, ifindex), 0);
        return (code, left);
    }

    /// <summary>
    /// Runs a program many times on one frame, which it gets as it left it the time before. Call it inside the test
    /// network.
    /// </summary>
    /// <returns>The last return code, and how long a run took on average, in nanoseconds.</returns>
    public static (int Code, uint Nanoseconds) Repeat(Hook hook, Fd program, byte[] frame, uint ifindex, int times)
    {
        var context = hook == Hook.Tc ? SkBuff(ifindex) : XdpMd(frame, ifindex);
        var (code, _, nanoseconds) = Run(program, frame, context, 0, times);
        return (code, nanoseconds);
    }

    static uint[] SkBuff(uint ifindex)
    {
        var context = new uint[SkBuffWords];
        context[SkBuffIfindex] = ifindex;
        return context;
    }

    static uint[] XdpMd(byte[] frame, uint ifindex)
    {
        var context = new uint[XdpWords];
        context[XdpDataEnd] = (uint)frame.Length;
        context[XdpIngressIfindex] = ifindex;
        return context;
    }

    static (int Code, byte[] Frame, uint Nanoseconds) Run(
        Fd program, byte[] frame, uint[] context, uint flags, int times = 1)
    {
        var result = new byte[frame.Length + 256];
        fixed (byte* dataIn = frame, dataOut = result)
        fixed (uint* contextIn = context)
        {
            var options = new bpf_test_run_opts
            {
                sz = (nuint)sizeof(bpf_test_run_opts),
                data_in = dataIn,
                data_size_in = (uint)frame.Length,
                data_out = dataOut,
                data_size_out = (uint)result.Length,
                ctx_in = contextIn,
                ctx_size_in = (uint)context.Length * sizeof(uint),
                repeat = times,
                flags = flags,
            };
            Check.NegativeErrno(
                bpf_prog_test_run_opts(program.Number, &options), $"running the program on {frame.Length} bytes");
            return ((int)options.retval, result[..(int)options.data_size_out], options.duration);
        }
    }

    [LibraryImport("libbpf.so.1")]
    private static partial int bpf_prog_test_run_opts(int program, bpf_test_run_opts* options);

    /// <summary>As <c>bpf/bpf.h</c> has it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct bpf_test_run_opts
    {
        public nuint sz;
        public void* data_in;
        public void* data_out;
        public uint data_size_in;
        public uint data_size_out;
        public void* ctx_in;
        public void* ctx_out;
        public uint ctx_size_in;
        public uint ctx_size_out;
        public uint retval;
        public int repeat;
        public uint duration;
        public uint flags;
        public uint cpu;
        public uint batch_size;
    }
}
