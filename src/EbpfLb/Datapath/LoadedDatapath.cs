using System.Reflection;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>
/// The programs and maps in the kernel. On the XDP hooks both programs are loaded on the same maps: what XDP cannot
/// carry with certainty it passes to the tc program behind it.
/// </summary>
sealed class LoadedDatapath : IDisposable
{
    const string Constants = ".rodata.settings";
    const string XdpConstants = ".rodata.xdp";

    LoadedDatapath(TableLayout layout, LbTables tables, Fd tc, Fd? xdp, LoadException? tcRefusal)
    {
        Layout = layout;
        Tables = tables;
        Tc = tc;
        Xdp = xdp;
        TcRefusal = tcRefusal;
    }

    public TableLayout Layout { get; }

    public LbTables Tables { get; }

    /// <summary>The program for the tc hook.</summary>
    public Fd Tc { get; }

    /// <summary>The program for the XDP hooks; null where the hook is tc.</summary>
    public Fd? Xdp { get; }

    /// <summary>Why the kernel refused the tc program that suits it best, and got the one for any kernel; usually null.</summary>
    public LoadException? TcRefusal { get; }

    /// <param name="hook">Not <see cref="HookKind.Auto"/>.</param>
    /// <param name="settings">Constants of the programs.</param>
    /// <param name="maxFlows">How many established flows there is room for.</param>
    /// <param name="former">Tables to use in place of new ones; they stay the caller's.</param>
    /// <param name="tcObject">Which object the program for the tc hook is from; null for the best that the kernel takes.</param>
    public static LoadedDatapath Load(
        HookKind hook, LbSettings settings, uint maxFlows = FlowTableSize.Default, LbTables? former = null,
        TcObject? tcObject = null)
    {
        LoadException? refusal = null;
        using var tc = tcObject is { } only
            ? LoadTc(only, settings, maxFlows, former, out var layout)
            : LoadBestTc(settings, maxFlows, former, out layout, out refusal);
        var tables = LbTables.From(tc);
        if (hook == HookKind.Tc)
            return new(layout, tables, tc.Program("lb_tc"), null, refusal);

        using var xdp = Open(KernelNeed.Xdp, settings);
        xdp.SetConstants(XdpConstants, hook == HookKind.XdpNative ? 1u : 0u);
        tables.ShareWith(xdp);
        LoadObject(xdp, KernelNeed.Xdp);
        return new(layout, tables, tc.Program("lb_tc"), xdp.Program("lb_xdp"), refusal);
    }

    /// <summary>How <see cref="Load"/> lays out its tables; the kernel is not asked.</summary>
    public static TableLayout LayoutFor(uint maxFlows)
    {
        using var tc = OpenTc(TcObjects.Best, default, maxFlows);
        return TableLayout.Read(tc);
    }

    public void Dispose()
    {
        Tc.Dispose();
        Xdp?.Dispose();
        Tables.Dispose();
    }

    /// <summary>A kernel may promise more than it keeps: with its compiler off, or types described that libbpf cannot read.</summary>
    static BpfObject LoadBestTc(
        LbSettings settings, uint maxFlows, LbTables? former, out TableLayout layout, out LoadException? refusal)
    {
        refusal = null;
        LoadException first;
        try
        {
            return LoadTc(TcObjects.Best, settings, maxFlows, former, out layout);
        }
        catch (LoadException error) when (TcObjects.Best != TcObject.Compatible)
        {
            first = error;
        }
        try
        {
            var tc = LoadTc(TcObject.Compatible, settings, maxFlows, former, out layout);
            refusal = first;
            return tc;
        }
        catch (NativeException)
        {
            throw first; // the error was not that program's alone
        }
    }

    static BpfObject LoadTc(
        TcObject tcObject, LbSettings settings, uint maxFlows, LbTables? former, out TableLayout layout)
    {
        var tc = OpenTc(tcObject, settings, maxFlows);
        try
        {
            layout = TableLayout.Read(tc);
            former?.ShareWith(tc);
            LoadObject(tc, tcObject.Need());
            return tc;
        }
        catch
        {
            tc.Dispose();
            throw;
        }
    }

    static BpfObject OpenTc(TcObject tcObject, LbSettings settings, uint maxFlows)
    {
        var tc = Open(tcObject.Need(), settings);
        tc.SetMaxEntries("flows", 2 * maxFlows); // an entry for each direction
        tc.SetMaxEntries("opening", 2 * FlowTableSize.HalfOpen(maxFlows));
        return tc;
    }

    static void LoadObject(BpfObject opened, KernelNeed need)
    {
        try
        {
            opened.Load();
        }
        catch (LoadException failure)
        {
            throw need.Explain(failure, KernelNeed.Running);
        }
    }

    static BpfObject Open(KernelNeed need, LbSettings settings)
    {
        var name = need.Object;
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{name}.bpf.o")
            ?? throw new InvalidOperationException($"the build did not embed {name}.bpf.o");
        var image = new byte[stream.Length];
        stream.ReadExactly(image);
        var result = BpfObject.Open(name, image);
        result.SetConstants(Constants, settings);
        return result;
    }
}
