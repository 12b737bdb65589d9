using System.Reflection;
using EbpfLb.Native;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Bench.Packets;

/// <summary>
/// The program that writes a packet anew for each turn and calls another with it (<c>bpf/entry.h</c>), loaded for one
/// kind of packet.
/// </summary>
sealed class Entry : IDisposable
{
    readonly Hook _hook;
    readonly byte[] _frame;
    readonly Fd _entry;
    readonly Fd _stub;
    readonly BpfMap<uint, uint> _target;

    /// <param name="hook">Of the programs that it calls.</param>
    /// <param name="packet">The first client's.</param>
    /// <param name="clients">How many take turns: a power of two.</param>
    public Entry(Hook hook, TcpPacket packet, uint clients)
    {
        _hook = hook;
        _frame = packet.ToFrame();
        using var loaded = Open(hook == Hook.Tc ? "entry_tc" : "entry_xdp");
        loaded.SetConstants(".rodata.input", EntryInput.Create(packet, clients));
        loaded.Load();
        _entry = loaded.Program("entry");
        _stub = loaded.Program("stub");
        _target = new(loaded.Map("target"), "target");
    }

    /// <summary>How long a call of the program takes on average, beyond one of a stub: nanoseconds.</summary>
    public double CostOf(Fd program, int times)
    {
        var stub = Call(_stub, times);
        return Call(program, times) - stub;
    }

    /// <summary>How long the kernel takes to run a program that does nothing, with no entry before it: nanoseconds.</summary>
    public double Floor(int times) => Run(_stub, times);

    public void Dispose()
    {
        _entry.Dispose();
        _stub.Dispose();
        _target.Dispose();
    }

    double Call(Fd program, int times)
    {
        _target.Set(0, (uint)program.Number);
        return Run(_entry, times);
    }

    double Run(Fd program, int times) => TestNetwork.Shared.Inside(
        () => TestRun.Repeat(_hook, program, _frame, TestNetwork.Lan.Index, times)).Nanoseconds;

    static BpfObject Open(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{name}.bpf.o")!;
        var image = new byte[stream.Length];
        stream.ReadExactly(image);
        return BpfObject.Open(name, image);
    }
}
