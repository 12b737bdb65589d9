using OxyPlot;

namespace EbpfLb.Bench.Report.Charts;

/// <summary>Colours for a page of one brightness, which shows through.</summary>
/// <param name="Name">As a browser's preference is called.</param>
/// <param name="Text">Of words and numbers.</param>
/// <param name="Faint">Of words that explain.</param>
/// <param name="Ours">Of bars that are ours.</param>
/// <param name="Others">Of all other bars.</param>
/// <param name="Baseline">Of the bar that all are compared with.</param>
sealed record Theme(string Name, OxyColor Text, OxyColor Faint, OxyColor Ours, OxyColor Others, OxyColor Baseline)
{
    public static readonly Theme Light = new("light", Colour("#1f2328"), Colour("#59636e"), Colour("#218bff"), Colour("#afb8c1"), Colour("#6e7781"));
    public static readonly Theme Dark = new("dark", Colour("#e6edf3"), Colour("#9198a1"), Colour("#388bfd"), Colour("#484f58"), Colour("#8b949e"));

    static OxyColor Colour(string code) => OxyColor.Parse(code);
}
