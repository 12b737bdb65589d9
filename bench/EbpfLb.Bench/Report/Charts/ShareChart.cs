using System.Text;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace EbpfLb.Bench.Report.Charts;

/// <summary>What each subject leaves of direct: a bar for each measure, by subject.</summary>
static class ShareChart
{
    const int Width = 760, HeightOfBar = 15, HeightBetween = 18, HeightOfRest = 180, RoomForNames = 185;
    const string Font = "Helvetica, Arial, sans-serif";
    /// <summary>The legend is cut where its text was thought to end.</summary>
    static readonly string RoomForWideFonts = new('\u00a0', 16);

    const string Title = "Share of what a client gets without a balancer";

    /// <summary>Draws it into a folder, for a light and for a dark page, and shows it on the page.</summary>
    public static void Write(PartResult part, string[] measures, IReadOnlyList<string> subjects, string folder, StringBuilder page)
    {
        foreach (var theme in new[] { Theme.Light, Theme.Dark })
            File.WriteAllText(Path.Combine(folder, FileName(theme)), Draw(part, measures, subjects, theme));
        page.AppendLine(
            $"""
            <picture>
              <source media="(prefers-color-scheme: dark)" srcset="{FileName(Theme.Dark)}">
              <img alt="{Title}" src="{FileName(Theme.Light)}">
            </picture>

            """);
    }

    static string Draw(PartResult part, string[] measures, IReadOnlyList<string> subjects, Theme theme)
    {
        var model = new PlotModel
        {
            Title = Title,
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
            GapWidth = 0.3,
        };
        names.Labels.AddRange(subjects);
        model.Axes.Add(names);
        model.Axes.Add(new LinearAxis
        {
            Position = AxisPosition.Bottom,
            Minimum = 0,
            Maximum = 1.1,
            LabelFormatter = share => $"{100 * share:F0} %",
            MajorStep = 0.25,
            MajorGridlineStyle = LineStyle.Solid,
            MajorGridlineColor = OxyColor.FromAColor(60, theme.Faint),
            TickStyle = TickStyle.None,
            AxislineStyle = LineStyle.None,
        });
        model.Legends.Add(new Legend
        {
            LegendPlacement = LegendPlacement.Outside,
            LegendPosition = LegendPosition.BottomCenter,
            LegendOrientation = LegendOrientation.Vertical,
            LegendLineSpacing = 6,
            LegendFontSize = 12,
            LegendTextColor = theme.Faint,
        });
        foreach (var (measure, place) in measures.Select((measure, place) => (measure, place)))
        {
            var series = new BarSeries
            {
                Title = measure.Split(',')[0] + RoomForWideFonts,
                StrokeThickness = 0,
                FillColor = theme.Series[place],
                LabelFormatString = "{0:0%}",
                LabelPlacement = LabelPlacement.Inside,
                LabelMargin = 8,
                TextColor = theme.OnBars,
                FontSize = 10,
            };
            series.Items.AddRange(subjects.Select((subject, row) => new BarItem(Overview.ShareOfDirect(part, measure, subject) ?? double.NaN, row)));
            model.Series.Add(series);
        }
        var height = HeightOfRest + (subjects.Count * ((measures.Length * HeightOfBar) + HeightBetween));
        return new SvgExporter { Width = Width, Height = height, IsDocument = false, UseVerticalTextAlignmentWorkaround = true }
            .ExportToString(model);
    }

    static string FileName(Theme theme) => $"share-of-direct-{theme.Name}.svg";
}
