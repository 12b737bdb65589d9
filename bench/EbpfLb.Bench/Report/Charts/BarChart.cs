using EbpfLb.Bench.Peers;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace EbpfLb.Bench.Report.Charts;

/// <summary>One measure of all its subjects: a bar for each median, a line from the least to the greatest round.</summary>
static class BarChart
{
    const int Width = 760, HeightOfBar = 34, HeightOfRest = 96, RoomForNames = 185;
    const double RoomForLabels = 1.3; // beyond the longest line
    const string Font = "Helvetica, Arial, sans-serif";

    public static string Draw(PartResult part, string measure, Theme theme)
    {
        var bars = part.Measurements.Where(each => each.Measure == measure).ToList();
        var model = new PlotModel
        {
            Title = measure,
            DefaultFont = Font,
            TextColor = theme.Text,
            TitleFontSize = 16,
            TitleHorizontalAlignment = TitleHorizontalAlignment.CenteredWithinView,
            TitlePadding = 10,
            Padding = new OxyThickness(8, 14, 8, 0),
            PlotMargins = new OxyThickness(RoomForNames, double.NaN, double.NaN, double.NaN), // a browser's font may be wide
            PlotAreaBorderThickness = new OxyThickness(0),
            Background = OxyColors.Transparent,
        };
        var names = new CategoryAxis
        {
            Position = AxisPosition.Left,
            StartPosition = 1,
            EndPosition = 0, // the first one on top
            FontSize = 13,
            TickStyle = TickStyle.None,
            AxislineStyle = LineStyle.None,
            GapWidth = 0.5,
        };
        names.Labels.AddRange(bars.Select(bar => bar.Subject));
        model.Axes.Add(names);
        model.Axes.Add(new LinearAxis
        {
            Position = AxisPosition.Bottom,
            Minimum = Math.Min(0, bars.Min(bar => bar.Rounds.Min())),
            Maximum = RoomForLabels * bars.Max(bar => bar.Rounds.Max()),
            Title = Explain(part, bars),
            TitleFontSize = 12,
            TitleColor = theme.Faint,
            LabelFormatter = _ => "", // each bar tells its value
            TickStyle = TickStyle.None,
            AxislineStyle = LineStyle.None,
        });
        var series = new BarSeries { StrokeThickness = 0 };
        model.Series.Add(series);
        foreach (var (bar, row) in bars.Select((bar, row) => (bar, row)))
        {
            series.Items.Add(new BarItem(Figures.Median(bar.Rounds)) { Color = ColourOf(bar, part, theme) });
            model.Series.Add(Spread(bar, row, theme));
            model.Annotations.Add(Label(part, bar, row, theme));
        }
        return new SvgExporter { Width = Width, Height = HeightOfRest + HeightOfBar * bars.Count, IsDocument = false, UseVerticalTextAlignmentWorkaround = true }
            .ExportToString(model);
    }

    static string Explain(PartResult part, List<Measurement> bars)
    {
        var (first, rounds) = (bars[0], bars[0].Rounds.Count);
        return $"{first.Unit}, {(first.MoreIsBetter ? "more" : "less")} is better" +
            (rounds == 1 ? "; one round" : $"; median of {rounds} rounds, line: all of them") +
            (part.Baseline is { } baseline && bars.Exists(bar => bar.Subject == baseline) ? $"; (×): to {baseline}" : "");
    }

    static OxyColor ColourOf(Measurement bar, PartResult part, Theme theme) =>
        bar.Subject == part.Baseline ? theme.Baseline
        : part.Baseline is null || bar.Subject.StartsWith(Names.Ours, StringComparison.Ordinal) ? theme.Ours
        : theme.Others;

    static LineSeries Spread(Measurement bar, int row, Theme theme)
    {
        var line = new LineSeries { Color = theme.Text, StrokeThickness = 1.5 };
        line.Points.Add(new DataPoint(bar.Rounds.Min(), row));
        line.Points.Add(new DataPoint(bar.Rounds.Max(), row));
        return line;
    }

    static TextAnnotation Label(PartResult part, Measurement bar, int row, Theme theme)
    {
        var ratio = part.Ratios(bar) is { } ratios && bar.Subject != part.Baseline ? $" ({Figures.Median(ratios):0.00}×)" : "";
        return new TextAnnotation
        {
            Text = $"{Figures.Write(Figures.Median(bar.Rounds))}{ratio}",
            TextPosition = new DataPoint(Math.Max(0, bar.Rounds.Max()), row),
            TextHorizontalAlignment = HorizontalAlignment.Left,
            Offset = new ScreenVector(8, 0),
            TextVerticalAlignment = VerticalAlignment.Middle,
            TextColor = theme.Text,
            StrokeThickness = 0,
            FontSize = 13,
        };
    }
}
