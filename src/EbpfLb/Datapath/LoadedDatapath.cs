using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>
/// The loaded programs and maps. On the XDP hooks the tc program is loaded on the same maps: XDP passes to it what it
/// cannot forward itself.
/// </summary>
sealed class LoadedDatapath : IDisposable
{
    const string Constants = ".rodata.settings";
    const string XdpConstants = ".rodata.xdp";

    LoadedDatapath(TableLayout layout, LbTables tables, Fd tc, LoadException? tcRefusal)
    {
        Layout = layout;
        Tables = tables;
        Tc = tc;
        TcRefusal = tcRefusal;
    }

    public TableLayout Layout { get; }
    public LbTables Tables { get; }
    public Fd Tc { get; }

    /// <summary>The program for the XDP hooks; null if the hook is tc.</summary>
    public Fd? Xdp { get; private set; }

    /// <summary>The socket programs; null if they are not configured.</summary>
    public SocketPrograms? Sockets { get; private set; }

    /// <summary>Why the faster tc program was refused and the compatible one loaded; null if it was not.</summary>
    public LoadException? TcRefusal { get; }

    /// <param name="hook">Not <see cref="HookKind.Auto"/>.</param>
    /// <param name="sizes">What the tables have room for; null for the defaults of the compiled objects.</param>
    /// <param name="former">Tables to use in place of new ones; the caller keeps owning them.</param>
    /// <param name="tcObject">The object with the tc program; null for the fastest that the kernel loads.</param>
    public static LoadedDatapath Load(
        HookKind hook, LbSettings settings, TableSizes? sizes = null, LbTables? former = null,
        KernelNeed? tcObject = null, bool withSockets = false)
    {
        LoadException? refusal = null;
        sizes ??= new(FlowTableSize.Default);
        settings = settings with { RestingSets = FlowTableSize.RestingSets(sizes.Flows) };
        using var tc = tcObject is { } only
            ? LoadTc(only, settings, sizes, former, out var layout)
            : LoadBestTc(settings, sizes, former, out layout, out refusal);
        var result = new LoadedDatapath(layout, LbTables.From(tc), tc.Program("lb_tc"), refusal);
        try
        {
            if (hook != HookKind.Tc)
                result.Xdp = LoadXdp(hook, settings, sizes, result.Tables);
            if (withSockets)
                result.Sockets = LoadSockets(settings, sizes, result.Tables);
            return result;
        }
        catch
        {
            result.Dispose(); // the caller may load for another hook, which needs as much memory again
            throw;
        }
    }

    /// <summary>The layout of the tables that <see cref="Load"/> makes, without asking the kernel.</summary>
    public static TableLayout LayoutFor(TableSizes sizes)
    {
        using var tc = OpenTc(KernelNeed.BestTc, default, sizes);
        return TableLayout.Read(tc);
    }

    public void Dispose()
    {
        Tc.Dispose();
        Xdp?.Dispose();
        Sockets?.Dispose();
        Tables.Dispose();
    }

    static Fd LoadXdp(HookKind hook, LbSettings settings, TableSizes sizes, LbTables tables)
    {
        using var xdp = Open(KernelNeed.Xdp, settings);
        xdp.SetConstants(XdpConstants, hook == HookKind.XdpNative ? 1u : 0u);
        tables.ShareWith(xdp);
        LoadObject(xdp, KernelNeed.Xdp, sizes);
        return xdp.Program("lb_xdp");
    }

    static SocketPrograms LoadSockets(LbSettings settings, TableSizes sizes, LbTables tables)
    {
        using var sockets = Open(KernelNeed.Sock, settings);
        sockets.SetConstants(SocketPrograms.Constants, Netns.Cookie);
        tables.ShareWith(sockets);
        LoadObject(sockets, KernelNeed.Sock, sizes);
        return new(sockets);
    }

    /// <summary>A kernel may refuse what its version promises: its JIT is off, or libbpf cannot read its BTF.</summary>
    static BpfObject LoadBestTc(
        LbSettings settings, TableSizes sizes, LbTables? former, out TableLayout layout, out LoadException? refusal)
    {
        refusal = null;
        try
        {
            return LoadTc(KernelNeed.BestTc, settings, sizes, former, out layout);
        }
        catch (LoadException error) when (KernelNeed.BestTc != KernelNeed.TcCompat)
        {
            refusal = error;
        }
        try
        {
            return LoadTc(KernelNeed.TcCompat, settings, sizes, former, out layout);
        }
        catch (NativeException)
        {
            throw refusal; // the compatible program fails too: report the first cause
        }
    }

    static BpfObject LoadTc(
        KernelNeed tcObject, LbSettings settings, TableSizes sizes, LbTables? former, out TableLayout layout)
    {
        var tc = OpenTc(tcObject, settings, sizes);
        try
        {
            layout = TableLayout.Read(tc);
            former?.ShareWith(tc);
            LoadObject(tc, tcObject, sizes);
            return tc;
        }
        catch
        {
            tc.Dispose();
            throw;
        }
    }

    static BpfObject OpenTc(KernelNeed tcObject, LbSettings settings, TableSizes sizes)
    {
        var tc = Open(tcObject, settings);
        var maxFlows = sizes.Flows;
        tc.SetMaxEntries("flows", 2 * maxFlows); // an entry for each direction
        tc.SetMaxEntries("half_open", 2 * FlowTableSize.HalfOpen(maxFlows));
        tc.SetMaxEntries("udp_flows", 2 * FlowTableSize.Udp(maxFlows));
        tc.SetMaxEntries("resting_ports", FlowTableSize.RestingSets(maxFlows));
        foreach (var map in TableSizes.ServiceMaps)
            tc.SetMaxEntries(map, sizes.Services);
        foreach (var map in TableSizes.BackendMaps)
            tc.SetMaxEntries(map, sizes.Backends);
        return tc;
    }

    static void LoadObject(BpfObject opened, KernelNeed need, TableSizes sizes)
    {
        try
        {
            opened.Load();
        }
        catch (LoadException failure)
        {
            throw failure.Number is Errno.ENOMEM or Errno.E2BIG && failure.Refusal is null
                ? failure.Because(sizes.Demand)
                : need.Explain(failure, KernelNeed.Running);
        }
    }

    static BpfObject Open(KernelNeed need, LbSettings settings)
    {
        var result = EmbeddedObject.Open(need.Object);
        result.SetConstants(Constants, settings);
        return result;
    }
}
