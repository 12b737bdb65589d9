namespace EbpfLb.Configuration;

/// <summary>
/// A mapping as written, from any source. The source reports what is missing, unknown or unreadable and leaves it out;
/// <see cref="Validator"/> reports invalid values.
/// </summary>
/// <param name="Location">Of the whole mapping.</param>
sealed record RawSection(SourceLocation Location)
{
    /// <summary>The values of each key; one, unless the key takes several.</summary>
    public Dictionary<string, List<Located<string>>> Values { get; } = [];

    /// <summary>The mappings of each key; one, unless the key takes a list.</summary>
    public Dictionary<string, List<RawSection>> Sections { get; } = [];

    /// <summary>True if a key or its value could not be read, which is reported already.</summary>
    public bool IsIncomplete { get; set; }

    public bool IsEmpty => Values.Count == 0 && Sections.Count == 0;

    /// <summary>The value of a key that takes one; null if it is not written.</summary>
    public Located<string>? Value(string key) => Values.TryGetValue(key, out var values) ? values[0] : null;
}
