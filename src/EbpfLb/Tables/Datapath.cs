using System.Reflection;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>
/// The programs and maps in the kernel. On the XDP hooks both programs are loaded on the same maps: what XDP cannot
/// carry with certainty it passes to the tc program behind it.
/// </summary>
sealed class Datapath : IDisposable
{
    const string Constants = ".rodata.settings";
    const string XdpConstants = ".rodata.xdp";

    Datapath(LbTables tables, Fd tc, Fd? xdp)
    {
        Tables = tables;
        Tc = tc;
        Xdp = xdp;
    }

    public LbTables Tables { get; }

    /// <summary>The program for the tc hook.</summary>
    public Fd Tc { get; }

    /// <summary>The program for the XDP hooks; null where the hook is tc.</summary>
    public Fd? Xdp { get; }

    /// <param name="hook">Not <see cref="HookKind.Auto"/>.</param>
    /// <param name="settings">Constants of the programs.</param>
    /// <param name="maxFlows">How many established flows there is room for.</param>
    public static Datapath Load(HookKind hook, LbSettings settings, uint maxFlows = FlowTableSize.Usual)
    {
        using var tc = Open("lb_tc", settings);
        tc.SetMaxEntries("flows", 2 * maxFlows); // an entry for each direction
        tc.SetMaxEntries("opening", 2 * FlowTableSize.Opening(maxFlows));
        tc.Load();
        var tables = LbTables.Of(tc);
        if (hook == HookKind.Tc)
            return new(tables, tc.Program("lb_tc"), null);

        using var xdp = Open("lb_xdp", settings);
        xdp.SetConstants(XdpConstants, hook == HookKind.XdpNative ? 1u : 0u);
        tables.ShareWith(xdp);
        xdp.Load();
        return new(tables, tc.Program("lb_tc"), xdp.Program("lb_xdp"));
    }

    public void Dispose()
    {
        Tc.Dispose();
        Xdp?.Dispose();
        Tables.Dispose();
    }

    static BpfObject Open(string name, LbSettings settings)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{name}.bpf.o")
            ?? throw new InvalidOperationException($"the build did not embed {name}.bpf.o");
        var image = new byte[stream.Length];
        stream.ReadExactly(image);
        var result = BpfObject.Open(name, image);
        result.SetConstants(Constants, settings);
        return result;
    }
}
