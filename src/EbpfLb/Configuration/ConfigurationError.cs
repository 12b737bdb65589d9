using System.Text;

namespace EbpfLb.Configuration;

/// <summary>One error in a configuration.</summary>
/// <param name="Location">Where.</param>
/// <param name="Value">The invalid value; null if something is missing.</param>
/// <param name="Problem">What is wrong; continues the value as a sentence.</param>
/// <param name="Remedy">What to do about it, as a sentence without the full stop.</param>
sealed record ConfigurationError(SourceLocation Location, string? Value, string Problem, string Remedy)
{
    const int MaxValueLength = 80;

    /// <summary>The error on one line; control characters of the value are escaped and long values are cut.</summary>
    public override string ToString() =>
        Value is null ? $"{Location}: {Problem}. {Remedy}." : $"{Location}: '{Escape(Value)}' {Problem}. {Remedy}.";

    static string Escape(string value)
    {
        var text = new StringBuilder();
        foreach (var rune in value.EnumerateRunes())
        {
            if (text.Length >= MaxValueLength)
                return text.Append("...").ToString();
            if (Rune.IsControl(rune) || rune == Rune.ReplacementChar || Rune.GetUnicodeCategory(rune) is
                System.Globalization.UnicodeCategory.Format or System.Globalization.UnicodeCategory.LineSeparator
                or System.Globalization.UnicodeCategory.ParagraphSeparator)
                text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            else
                text.Append(rune);
        }
        return text.ToString();
    }
}
