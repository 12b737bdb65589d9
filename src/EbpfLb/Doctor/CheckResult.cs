using System.Text.Json.Serialization;

namespace EbpfLb.Doctor;

enum Verdict
{
    [JsonStringEnumMemberName("ok")] Ok,
    [JsonStringEnumMemberName("warn")] Warn,
    [JsonStringEnumMemberName("missing")] Missing,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Subject">What, in a word or two.</param>
/// <param name="Verdict">Missing where the load balancer cannot run like this.</param>
/// <param name="Observation">What was found.</param>
/// <param name="Remedy">What to do about it, or null.</param>
sealed record CheckResult(string Subject, Verdict Verdict, string Observation, string? Remedy = null);

/// <summary>All findings; <paramref name="CanRun"/> where at least the tc hook can carry traffic.</summary>
sealed record Diagnosis(bool CanRun, IReadOnlyList<CheckResult> Findings);

/// <summary>Serializes without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Diagnosis))]
sealed partial class DiagnosisJson : JsonSerializerContext;
