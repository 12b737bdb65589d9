using System.Text.RegularExpressions;

namespace EbpfLb.Native;

/// <summary>The verifier's verdict on a program, from its log.</summary>
/// <param name="Rule">The rule that the program broke, in the verifier's words.</param>
/// <param name="Source">The line of C that broke it, or null if the object or the kernel has no line information.</param>
/// <param name="Location">That line's file and number, <c>flow_find.h:88</c>; null before Linux 6.9.</param>
sealed partial record VerifierRefusal(string Program, string Rule, string? Source, string? Location)
{
    const int MostLines = 3; // the verdict and what explains it; more would be a log again

    /// <param name="log">libbpf's warnings, with the verifier's log between two marks.</param>
    /// <returns>Null if no program was refused, or the verifier gave no reason.</returns>
    public static VerifierRefusal? Find(string log)
    {
        if (Logs().Matches(log) is not [.., var last])
            return null;
        var lines = last.Groups["log"].Value.Split('\n', StringSplitOptions.TrimEntries);
        var end = Array.FindLastIndex(lines, line => line.StartsWith("processed ", StringComparison.Ordinal));
        var trace = Array.FindLastIndex(lines, end < 0 ? lines.Length - 1 : end, line => Trace().IsMatch(line));
        var verdict = lines[(trace + 1)..(end < 0 ? lines.Length : end)].Where(line => line.Length > 0).Take(MostLines).ToArray();
        if (verdict.Length == 0)
            return null;
        var source = SourceLine().Match(Array.FindLast(lines[..(trace + 1)], line => SourceLine().IsMatch(line)) ?? "");
        return new(
            last.Groups["program"].Value, string.Join("; ", verdict), Text(source.Groups["text"]), Text(source.Groups["place"]));
    }

    /// <summary>As part of a sentence.</summary>
    public override string ToString() =>
        $"the verifier refuses \"{Rule}\""
        + (Source is null ? $" in {Program}" : $" at \"{Source}\"")
        + (Location is null ? "" : $" ({Location})");

    static string? Text(Group group) => group.Success ? group.Value : null;

    [GeneratedRegex(
        "prog '(?<program>[^']*)': -- BEGIN PROG LOAD LOG --\n(?<log>.*?)-- END PROG LOAD LOG --", RegexOptions.Singleline)]
    private static partial Regex Logs();

    /// <summary>
    /// A line that follows the program instead of judging it: an instruction, a line of C, the state of registers, of
    /// callers, or of the search backwards for what a bound depends on (5.15 prints that unasked). libbpf replaces an
    /// instruction that it could not relocate by a reason in angle brackets: that judges.
    /// </summary>
    [GeneratedRegex(
        @"^(\d+: (?!<)|;|from \d+ to \d+|(frame\d+: ?)?R\d+(_\w+)?=|caller:|callee:|returning from callee:|to caller at |"
        + @"last_idx |regs=|parent |mark_precise: |propagating |Validating |Func#\d+ .*(safe for any args|assumed valid))")]
    private static partial Regex Trace();

    [GeneratedRegex(@"^; (?<text>.*?\S)( @ (?<place>\S+:\d+))?$")]
    private static partial Regex SourceLine();
}
