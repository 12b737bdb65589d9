using System.Globalization;
using System.IO.Hashing;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using EbpfLb.Tables;

namespace EbpfLb.Unit.Tables;

/// <summary>
/// 100 balancers, 1,000 backends and a million flows, simulated: the share of flows that change backend. The page on
/// algorithms shows these numbers; with <c>EBPFLB_CHARTS=DIRECTORY</c> the charts are written there.
/// </summary>
[Collection(Lanes.Busy)]
public sealed class SelectionByNumbers
{
    const int Backends = 1000, Flows = 1_000_000;

    static readonly Lazy<ShareOfFlows[]> All = new(() =>
        [BalancerLeaves(), BackendLeaves(), BackendJoins(), BackendAndThenBalancerLeave()]);

    [Fact]
    public void A_balancer_that_leaves_changes_no_flows_backend() => Assert.Equal(0, BalancerLeaves().Maglev);

    [Fact]
    public void A_backend_that_leaves_changes_at_most_one_and_a_half_times_its_share()
    {
        var share = BackendLeaves();

        Assert.InRange(share.Kept!.Value, 0.9 * share.Ideal, 1.5 * share.Ideal);
    }

    [Fact]
    public void A_backend_that_joins_changes_no_flow_that_a_balancer_knows() => Assert.Equal(0, BackendJoins().Kept);

    /// <summary>A slot that a backend gives up is claimed by another earlier than its own next one, which is then free.</summary>
    [Fact]
    public void A_table_alone_changes_up_to_ten_times_the_backends_share()
    {
        var share = BackendLeaves();

        Assert.InRange(share.Maglev, share.Ideal, 10 * share.Ideal);
        Assert.InRange(share.Modulo, 0.99, 1);
    }

    [Fact]
    public void The_page_has_these_numbers()
    {
        var rows = Resource("algorithms.md").Split('\n');

        Assert.All(All.Value, share => Assert.Contains(share.Row, rows));
    }

    [Theory, InlineData("light"), InlineData("dark")]
    public void The_chart_shows_these_numbers(string theme)
    {
        var name = $"selection-{theme}.svg";
        var drawn = SelectionChart.Draw(All.Value, theme);
        if (Environment.GetEnvironmentVariable("EBPFLB_CHARTS") is { Length: > 0 } directory)
            File.WriteAllText(Path.Combine(directory, name), drawn);

        Assert.Equal(drawn, Resource(name));
    }

    static ShareOfFlows BalancerLeaves()
    {
        var fleet = new Fleet(Enumerable.Range(0, Backends));
        return new("one of 100 balancers leaves", 0,
            Changed(flow => fleet.ByMaglev(flow, Fleet.Size), flow => fleet.ByMaglev(flow, Fleet.Size - 1)),
            null,
            Changed(flow => fleet.ByModulo(flow, Fleet.Size), flow => fleet.ByModulo(flow, Fleet.Size - 1)));
    }

    static ShareOfFlows BackendLeaves() => Change("one of 1,000 backends leaves", 1.0 / Backends,
        new(Enumerable.Range(0, Backends)), new(Enumerable.Range(0, Backends).Where(backend => backend != 417)), Fleet.Size);

    static ShareOfFlows BackendJoins() => Change("a backend joins 1,000 others", 1.0 / (Backends + 1),
        new(Enumerable.Range(0, Backends)), new(Enumerable.Range(0, Backends + 1)), Fleet.Size);

    /// <summary>Routers send most flows to another balancer then, which does not know them.</summary>
    static ShareOfFlows BackendAndThenBalancerLeave()
    {
        var change = Change("a backend leaves, then a balancer", 1.0 / Backends, new(Enumerable.Range(0, Backends)),
            new(Enumerable.Range(0, Backends).Where(backend => backend != 417)), Fleet.Size - 1);
        return change with { Kept = null };
    }

    /// <summary>A balancer keeps the backend of a flow that it knows, as long as there is that backend.</summary>
    static ShareOfFlows Change(string what, double ideal, Fleet before, Fleet after, int balancersAfter) => new(what, ideal,
        Changed(flow => before.ByMaglev(flow, Fleet.Size), flow => after.ByMaglev(flow, balancersAfter)),
        Changed(flow => before.ByMaglev(flow, Fleet.Size), flow =>
        {
            var known = before.ByMaglev(flow, Fleet.Size);
            return after.Has(known) ? known : after.ByMaglev(flow, balancersAfter);
        }),
        Changed(flow => before.ByModulo(flow, Fleet.Size), flow => after.ByModulo(flow, balancersAfter)));

    static double Changed(Func<ulong, int> before, Func<ulong, int> after)
    {
        var changed = 0;
        for (var i = 0; i < Flows; i++)
        {
            var flow = XxHash3.HashToUInt64(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in i)));
            if (before(flow) != after(flow))
                changed++;
        }
        return (double)changed / Flows;
    }

    static string Resource(string name)
    {
        using var content = typeof(SelectionByNumbers).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(content, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <summary>Balancers that learned the same backends, each in an order of its own and with ids of its own.</summary>
    sealed class Fleet
    {
        public const int Size = 100;

        readonly int[][] _learned = new int[Size][];
        readonly uint[][] _slots = new uint[Size][];
        readonly HashSet<int> _backends;

        public Fleet(IEnumerable<int> backends)
        {
            _backends = [.. backends];
            Parallel.For(0, Size, balancer =>
            {
                var learned = _backends.ToArray();
                new Random(balancer).Shuffle(learned);
                _learned[balancer] = learned;
                _slots[balancer] = MaglevTable.Build(learned.Select((backend, id) => ((uint)id, EndPointOf(backend), 1)));
            });
        }

        public bool Has(int backend) => _backends.Contains(backend);

        /// <summary>The backend of a flow that the routers spread over the first <paramref name="balancers"/> by its hash.</summary>
        public int ByMaglev(ulong flow, int balancers)
        {
            var balancer = (uint)(flow >> 32) % (uint)balancers;
            var slots = _slots[balancer];
            return _learned[balancer][slots[(uint)flow % (uint)slots.Length]];
        }

        public int ByModulo(ulong flow, int balancers)
        {
            var learned = _learned[(uint)(flow >> 32) % (uint)balancers];
            return learned[(uint)flow % (uint)learned.Length];
        }

        static IPEndPoint EndPointOf(int backend) => new(new IPAddress([10, 0, (byte)(backend >> 8), (byte)backend]), 80);
    }
}

/// <summary>The share of flows that change backend when something happens.</summary>
/// <param name="What">What happens.</param>
/// <param name="Ideal">No selection can do with less.</param>
/// <param name="Maglev">By the Maglev table alone: no balancer knows the flow.</param>
/// <param name="Kept">With the flows that balancers know; null if they are lost.</param>
/// <param name="Modulo">By the hash modulo the number of backends, in the order in which a balancer learned them.</param>
sealed record ShareOfFlows(string What, double Ideal, double Maglev, double? Kept, double Modulo)
{
    public string Row => $"| {What} | {Percent(Ideal)} | {(Kept is { } kept ? Percent(kept) : "–")} | {Percent(Maglev)} | {Percent(Modulo)} |";

    public static string Percent(double share) => (100 * share).ToString("0.00", CultureInfo.InvariantCulture) + " %";
}

/// <summary>The shares as bars, on a scale where each step is ten times the one before.</summary>
static class SelectionChart
{
    const int Width = 760, Names = 190, Bar = 16, Gap = 18, Top = 64;
    const double Least = 0.0001; // 0.01 %

    public static string Draw(IReadOnlyList<ShareOfFlows> shares, string theme)
    {
        var (text, faint, ideal, ours, table, others) = theme == "light"
            ? ("#1f2328", "#59636e", "#6e7781", "#1a7f37", "#218bff", "#bc4c00")
            : ("#e6edf3", "#9198a1", "#8b949e", "#3fb950", "#388bfd", "#db6d28");
        (string Name, string Colour, Func<ShareOfFlows, double?> Get)[] kinds =
        [
            ("ideal", ideal, share => share.Ideal), ("maglev, known flows", ours, share => share.Kept),
            ("maglev, unknown flows", table, share => share.Maglev), ("modulo", others, share => share.Modulo),
        ];
        var height = Top + (shares.Count * ((kinds.Length * Bar) + Gap));
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" width=\"{Width}\" height=\"{height}\" font-family=\"ui-sans-serif, system-ui, sans-serif\" role=\"img\">\n");
        svg.Append("<title>Flows that change backend: 100 balancers, 1,000 backends, a million flows</title>\n");
        Write(svg, 10, 20, text, "Flows that change backend (each step is ten times the one before)", bold: true);
        var x = 10;
        foreach (var (name, colour, _) in kinds)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x}\" y=\"34\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\n");
            Write(svg, x + 15, 44, faint, name);
            x += 45 + (7 * name.Length);
        }
        var y = Top;
        foreach (var share in shares)
        {
            Write(svg, 10, y + (kinds.Length * Bar / 2), text, share.What[..share.What.LastIndexOf(' ', Math.Min(26, share.What.Length - 1))]);
            Write(svg, 10, y + (kinds.Length * Bar / 2) + 15, text, share.What[(share.What.LastIndexOf(' ', Math.Min(26, share.What.Length - 1)) + 1)..]);
            foreach (var (_, colour, get) in kinds)
            {
                if (get(share) is { } value)
                {
                    var width = value < Least ? 0 : (Width - Names - 80) * Math.Log(value / Least) / Math.Log(1 / Least);
                    svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Names}\" y=\"{y + 2}\" width=\"{Math.Max(1, width):0}\" height=\"{Bar - 4}\" fill=\"{colour}\"/>\n");
                    Write(svg, Names + (int)width + 8, y + 12, text, ShareOfFlows.Percent(value), size: 11);
                }
                y += Bar;
            }
            y += Gap;
        }
        return svg.Append("</svg>\n").ToString();
    }

    static void Write(StringBuilder svg, int x, int y, string colour, string text, bool bold = false, int size = 12) => svg.Append(
        CultureInfo.InvariantCulture,
        $"<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{colour}\"{(bold ? " font-weight=\"600\"" : "")}>{text}</text>\n");
}
