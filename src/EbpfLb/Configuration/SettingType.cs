using System.Numerics;

namespace EbpfLb.Configuration;

/// <summary>A parsed value, or what is wrong with its text.</summary>
readonly record struct Parsed<T>(T? Value, ImmutableArray<SyntaxError> Errors)
{
    public static implicit operator Parsed<T>(T value) => new(value, []);

    public static implicit operator Parsed<T>(SyntaxError error) => new(default, [error]);
}

enum SchemaKind { String, Integer, Boolean, StringOrInteger }

/// <summary>What help, reference and schema say about the values of a setting.</summary>
/// <param name="HelpName">Stands for the value in the help.</param>
/// <param name="Range">The valid values, as a phrase.</param>
abstract record SettingType(string HelpName, string Range)
{
    /// <summary>All valid values, if they are a few words; else empty.</summary>
    public ImmutableArray<string> Words { get; init; } = [];
    public SchemaKind Kind { get; init; }

    /// <summary>The least and the greatest integer.</summary>
    public (long Min, long Max)? Bounds { get; init; }

    /// <summary>A regular expression that every valid text matches.</summary>
    public string? Pattern { get; init; }

    /// <summary>True if a flag without a value means <c>true</c>.</summary>
    public bool IsSwitch { get; init; }
}

/// <summary>How the values of a setting are written.</summary>
record SettingType<T>(string HelpName, string Range, Func<string, Parsed<T>> Parse) : SettingType(HelpName, Range)
{
    /// <summary>The text of a value, as users write it; null if the value has none.</summary>
    public Func<T, string?> Format { get; init; } = value => value?.ToString();

    public static SettingType<string> Text(string helpName, string range, Func<string, SyntaxError?> check) =>
        new(helpName, range, text => check(text) is { } error ? error : text);
}

/// <summary>One of a few words.</summary>
sealed record Choice<T> : SettingType<T>
{
    /// <param name="helpName">Stands for the value in the help.</param>
    /// <param name="problem">What is wrong with another word; continues it as a sentence.</param>
    /// <param name="values">Each word with its value; a value's first word is its text.</param>
    public Choice(string helpName, string problem, params (string Name, T Value)[] values)
        : base(helpName, string.Join(", ", values.Select(known => known.Name)), text => Find(text, problem, values))
    {
        Values = values;
        Words = [.. values.Select(known => known.Name)];
        Format = value => Array.Find(values, known => EqualityComparer<T>.Default.Equals(known.Value, value)).Name;
    }

    public (string Name, T Value)[] Values { get; }

    static Parsed<T> Find(string text, string problem, (string Name, T Value)[] values)
    {
        foreach (var (name, value) in values)
        {
            if (name == text)
                return value;
        }
        return new SyntaxError(problem, $"Use one of: {string.Join(", ", values.Select(known => known.Name))}");
    }
}

/// <summary>Types that several settings share.</summary>
static class SettingTypes
{
    public static readonly SettingType<int> Weight = Number(0, 100, "is not a weight", "; 0 takes no new flow");

    /// <summary>A port in host byte order.</summary>
    /// <param name="problem">What is wrong with another text; continues it as a sentence.</param>
    public static SettingType<ushort> Port(string problem) =>
        new("PORT", "1 to 65535", text => Syntax.ParsePort(text) is { } port ? port : new SyntaxError(problem, Syntax.PortRemedy))
        {
            Kind = SchemaKind.Integer,
            Bounds = (1, ushort.MaxValue),
        };

    /// <param name="problem">What is wrong with another text; continues it as a sentence.</param>
    public static SettingType<T> Number<T>(T min, T max, string problem, string hint = "")
        where T : struct, INumberBase<T>, IComparable<T> =>
        new("NUMBER", $"{min} to {max}", text =>
            T.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number.CompareTo(min) >= 0 && number.CompareTo(max) <= 0
                ? number
                : new SyntaxError(problem, $"Use a whole number of {min} to {max}{hint}"))
        {
            Kind = SchemaKind.Integer,
            Bounds = (long.CreateChecked(min), long.CreateChecked(max)),
        };

    /// <param name="problem">What is wrong with another text; continues it as a sentence.</param>
    /// <param name="examples">Valid durations.</param>
    /// <param name="hint">Continues the range in the remedy.</param>
    public static SettingType<TimeSpan> Time(TimeSpan min, TimeSpan max, string problem, string examples, string hint = "")
    {
        var range = $"{Duration.Format(min)} to {Duration.Format(max)}";
        return new("TIME", range, text => Duration.TryParse(text) is { } time && time >= min && time <= max
            ? time
            : new SyntaxError(problem, $"Use {range}{hint}, written as {examples}"))
        {
            Format = time => Duration.Format(time),
            Pattern = Duration.Pattern,
        };
    }
}
