namespace EbpfLb.Bench.Report;

/// <summary>What one subject did in one measure, a value for each round.</summary>
/// <param name="Measure">What was measured, as the report's heading: "Bulk TCP, one stream".</param>
/// <param name="Subject">Who was measured: "ebpf-lb on tc".</param>
/// <param name="Unit">Of the values: "Gbit/s", "ns", "requests/s".</param>
/// <param name="MoreIsBetter">Whether a larger value is the better one.</param>
/// <param name="Rounds">A value for each round, in the order that they were taken in.</param>
sealed record Measurement(string Measure, string Subject, string Unit, bool MoreIsBetter, IReadOnlyList<double> Rounds);
