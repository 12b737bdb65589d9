namespace EbpfLb.Bench.Report;

/// <summary>What one part of the benchmarks found in one run.</summary>
/// <param name="Name">By which the command line knows it.</param>
/// <param name="Title">Its heading.</param>
/// <param name="IsQuick">Whether it was a first look only.</param>
/// <param name="Taken">When it ended.</param>
/// <param name="Machine">What it ran on.</param>
sealed record PartResult(string Name, string Title, bool IsQuick, DateTimeOffset Taken, Machine Machine)
{
    /// <summary>The subject that all others are compared with; null where there is none.</summary>
    public string? Baseline { get; init; }

    /// <summary>What a reader has to know, in Markdown, a sentence or two each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    public IReadOnlyList<Measurement> Measurements { get; init; } = [];

    /// <summary>The measures, in their order.</summary>
    public IEnumerable<string> Measures() => Measurements.Select(each => each.Measure).Distinct();

    /// <summary>The subjects, in their order.</summary>
    public IEnumerable<string> Subjects() => Measurements.Select(each => each.Subject).Distinct();

    /// <summary>What a subject did in a measure; null where it was not put to that.</summary>
    public Measurement? Find(string measure, string subject) =>
        Measurements.SingleOrDefault(each => each.Measure == measure && each.Subject == subject);

    /// <summary>A measurement against the baseline of the same round, round by round; null where there is no such ratio.</summary>
    public IReadOnlyList<double>? Ratios(Measurement of) => Baseline is null ? null : Ratios(of.Measure, of.Subject, Baseline);

    /// <summary>What one subject did against another in the same round, round by round; null where either did not.</summary>
    public IReadOnlyList<double>? Ratios(string measure, string subject, string to) =>
        (Find(measure, subject), Find(measure, to)) is ({ } one, { } other) && other.Rounds.All(value => value != 0)
            ? [.. one.Rounds.Zip(other.Rounds, (value, floor) => value / floor)]
            : null;
}
