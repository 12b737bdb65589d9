using System.Text.Json.Serialization;

namespace EbpfLb.Doctor;

enum Verdict
{
    [JsonStringEnumMemberName("ok")] Ok,
    [JsonStringEnumMemberName("warn")] Warn,
    [JsonStringEnumMemberName("missing")] Missing,
}

/// <summary>The result of one check.</summary>
/// <param name="Subject">What was checked, in a word or two.</param>
/// <param name="Verdict">Missing if the load balancer cannot run like this.</param>
/// <param name="Remedy">What to do about it, or null.</param>
sealed record CheckResult(string Subject, Verdict Verdict, string Observation, string? Remedy = null);

/// <summary>All results. <paramref name="CanRun"/> is true if at least the tc hook can forward traffic.</summary>
sealed record Diagnosis(bool CanRun, IReadOnlyList<CheckResult> Findings);

/// <summary>Serializes without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Diagnosis))]
sealed partial class DiagnosisJson : JsonSerializerContext;
