namespace EbpfLb.Configuration;

/// <summary>One error in a configuration.</summary>
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
            if (Rune.IsControl(rune) || rune == Rune.ReplacementChar || Rune.GetUnicodeCategory(rune)
                is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
                text.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            else
                text.Append(rune);
        }
        return text.ToString();
    }
}

/// <summary>A valid configuration, or every error.</summary>
sealed record ConfigurationResult(LoadBalancerConfiguration? Configuration, ImmutableArray<ConfigurationError> Errors)
{
    /// <summary>How its errors are logged: as configured, also if something else is wrong.</summary>
    public LogFormat Logs { get; init; }
}

/// <summary>Where a value was written.</summary>
/// <param name="Text">A flag, a container's label, or file, line, column and path.</param>
/// <param name="Line">From 1; 0 if there are no lines.</param>
/// <param name="Column">From 1; 0 if there are no lines.</param>
readonly record struct SourceLocation(string Text, long Line = 0, long Column = 0)
{
    public static implicit operator SourceLocation(string words) => new(words);

    public override string ToString() => Text;
}

/// <summary>A value of the configuration and where it was written.</summary>
sealed record Located<T>(SourceLocation Location, T Value)
{
    /// <param name="problem">What is wrong; continues the value as a sentence.</param>
    /// <param name="remedy">What to do about it, as a sentence without the full stop.</param>
    public ConfigurationError Error(string problem, string remedy) => new(Location, $"{Value}", problem, remedy);

    public ConfigurationError Error(SyntaxError error) => Error(error.Problem, error.Remedy);
}
