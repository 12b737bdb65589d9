namespace EbpfLb.Bench.Report.Bars;

/// <summary>What has to be reached.</summary>
/// <param name="Part">The part that tells.</param>
/// <param name="Promise">As a sentence, without the limit.</param>
/// <param name="Limit">Its least, or greatest, value.</param>
/// <param name="IsFloor">Whether the limit is the least value that will do.</param>
/// <param name="Measure">What it is; null where the part was not put to that.</param>
sealed record Bar(string Part, string Promise, double Limit, bool IsFloor, Func<PartResult, double?> Measure)
{
    /// <summary>At least this many times another subject's value, as the median of the rounds' ratios.</summary>
    public static Bar AtLeast(double limit, string measure, string subject, string to, string part = "peers") => new(
        part, $"{measure}: {subject} to {to}", limit, IsFloor: true, result => Ratio(result, measure, subject, to));

    /// <summary>At least this many times the value of the best of several others.</summary>
    public static Bar AtLeastOfAll(double limit, string measure, string subject, IReadOnlyList<string> to, string part = "peers") => new(
        part, $"{measure}: {subject} to the best of {string.Join(", ", to)}", limit, IsFloor: true,
        result => to.Min(other => Ratio(result, measure, subject, other)));

    /// <summary>At most this many times the value of the best of several others.</summary>
    public static Bar AtMostOfAny(double limit, string measure, string subject, IReadOnlyList<string> to, string part = "peers") => new(
        part, $"{measure}: {subject} to the best of {string.Join(", ", to)}", limit, IsFloor: false,
        result => to.Max(other => Ratio(result, measure, subject, other)));

    /// <summary>At most this much, as the median of the rounds.</summary>
    public static Bar AtMost(double limit, string measure, string subject, string part) => new(
        part, $"{measure}: {subject}", limit, IsFloor: false,
        result => result.Find(measure, subject) is { } found ? Figures.Median(found.Rounds) : null);

    /// <summary>Whether what was measured will do.</summary>
    public bool IsMetBy(double measured) => IsFloor ? measured >= Limit : measured <= Limit;

    static double? Ratio(PartResult result, string measure, string subject, string to) =>
        result.Ratios(measure, subject, to) is { } ratios ? Figures.Median(ratios) : null;
}
