namespace EbpfLb.Configuration;

/// <summary>Suggestions for mistyped words.</summary>
static class Spelling
{
    const int MaxDistance = 2;
    const int MaxLength = 32;

    /// <summary>What to do about an unknown word, as a sentence without the full stop.</summary>
    public static string Remedy(string word, IReadOnlyCollection<string> known) => Suggest(word, known) is { } near
        ? $"Perhaps '{near}' is meant"
        : $"Use one of: {string.Join(", ", known)}";

    /// <summary>The known word within two edits, or null.</summary>
    public static string? Suggest(string word, IEnumerable<string> known) =>
        word.Length > MaxLength ? null : known
            .Select(candidate => (candidate, distance: Distance(word.ToLowerInvariant(), candidate)))
            .Where(guess => guess.distance <= MaxDistance && guess.distance < guess.candidate.Length / 2)
            .OrderBy(guess => guess.distance).FirstOrDefault().candidate;

    /// <summary>The Levenshtein distance, one row of the table at a time.</summary>
    static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }
}
