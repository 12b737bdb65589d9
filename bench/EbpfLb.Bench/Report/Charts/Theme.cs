using OxyPlot;

namespace EbpfLb.Bench.Report.Charts;

/// <summary>Colours for a page of one brightness, which shows through.</summary>
/// <param name="Name">As a browser's preference is called.</param>
/// <param name="Text">Of words and numbers.</param>
/// <param name="Faint">Of words that explain.</param>
/// <param name="OnBars">Of numbers on bars.</param>
/// <param name="Series">Of bars, by measure.</param>
sealed record Theme(string Name, OxyColor Text, OxyColor Faint, OxyColor OnBars, OxyColor[] Series)
{
    public static readonly Theme Light = new("light", Colour("#1f2328"), Colour("#59636e"), Colour("#ffffff"),
        [Colour("#0969da"), Colour("#1a7f37"), Colour("#9a6700"), Colour("#8250df")]);

    public static readonly Theme Dark = new("dark", Colour("#e6edf3"), Colour("#9198a1"), Colour("#ffffff"),
        [Colour("#1f6feb"), Colour("#238636"), Colour("#9e6a03"), Colour("#8957e5")]);

    static OxyColor Colour(string code) => OxyColor.Parse(code);
}
