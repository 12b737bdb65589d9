namespace EbpfLb.Configuration;

/// <summary>Durations as users write them: a whole number and its unit, as in 500ms, 31s, 135m or 2h.</summary>
static class Duration
{
    const int MaxDigits = 9;

    /// <summary>A regular expression that every duration matches.</summary>
    public const string Pattern = "^[0-9]{1,9}(ms|s|m|h)$";

    static readonly (string Name, TimeSpan Value)[] Units =
    [
        ("ms", TimeSpan.FromMilliseconds(1)), ("s", TimeSpan.FromSeconds(1)), ("m", TimeSpan.FromMinutes(1)),
        ("h", TimeSpan.FromHours(1)),
    ];

    /// <summary>Null if the text is not a duration or overflows.</summary>
    public static TimeSpan? TryParse(string text)
    {
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        if (digits is < 1 or > MaxDigits)
            return null;
        var unit = Units.FirstOrDefault(known => known.Name == text[digits..]);
        if (unit.Name is null)
            return null;
        var number = int.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture);
        return number <= TimeSpan.MaxValue / unit.Value ? unit.Value * number : null;
    }

    /// <summary>The text of a duration, in the largest unit that divides it; <c>0s</c> for none.</summary>
    public static string Format(TimeSpan time)
    {
        if (time == TimeSpan.Zero)
            return "0s";
        var unit = Units.Last(unit => unit.Value == Units[0].Value || time.Ticks % unit.Value.Ticks == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{time.Ticks / unit.Value.Ticks}{unit.Name}");
    }
}
