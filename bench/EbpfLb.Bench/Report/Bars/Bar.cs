namespace EbpfLb.Bench.Report.Bars;

/// <summary>What has to be reached.</summary>
/// <param name="Part">The part that tells.</param>
/// <param name="Promise">As a sentence, without the limit.</param>
/// <param name="Limit">Its least, or greatest, value.</param>
/// <param name="IsFloor">Whether the limit is the least value that will do.</param>
/// <param name="Measure">What it is; null where the part was not put to that.</param>
sealed record Bar(string Part, string Promise, double Limit, bool IsFloor, Func<PartResult, double?> Measure)
{
    /// <summary>At least this many times another subject's value.</summary>
    public static Bar AtLeast(double limit, string measure, string subject, string to) => Beside(limit, isFloor: true, measure, subject, to);

    /// <summary>At most this many times another subject's value.</summary>
    public static Bar AtMost(double limit, string measure, string subject, string to) => Beside(limit, isFloor: false, measure, subject, to);

    /// <summary>Whether what was measured will do.</summary>
    public bool IsMetBy(double measured) => IsFloor ? measured >= Limit : measured <= Limit;

    /// <summary>The median of the rounds' ratios; null where one of both was not measured.</summary>
    public static double? Ratio(PartResult result, string measure, string subject, string to) =>
        result.Ratios(measure, subject, to) is { } ratios ? Figures.Median(ratios) : null;

    static Bar Beside(double limit, bool isFloor, string measure, string subject, string to) =>
        new(Parts.Peers, $"{measure}: {subject} to {to}", limit, isFloor, result => Ratio(result, measure, subject, to));
}
