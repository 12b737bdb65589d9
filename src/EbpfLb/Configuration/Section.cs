namespace EbpfLb.Configuration;

/// <summary>The keys of a mapping.</summary>
/// <param name="settings">In the order in which they are read and documented.</param>
sealed class Section<T>(Func<T> initial, params Setting<T>[] settings)
{
    public IReadOnlyList<Setting<T>> All { get; } = WithDefaults(initial(), settings);

    /// <summary>The values as written, and defaults elsewhere.</summary>
    public T Read(RawSection raw, List<ConfigurationError> errors) =>
        All.Aggregate(initial(), (owner, setting) => setting.Read(raw, owner, errors));

    public bool AreEqual(T one, T other) => All.All(setting => setting.IsEqual(one, other));

    /// <summary>Every value, as users write it: <c>opening 31s, established 135m</c>.</summary>
    public string Format(T owner) => string.Join(", ", All
        .Select(setting => (setting.Name, Text: setting.Format(owner))).Where(setting => setting.Text is not null)
        .Select(setting => $"{setting.Name} {setting.Text}"));

    static Setting<T>[] WithDefaults(T defaults, Setting<T>[] settings)
    {
        foreach (var setting in settings)
            setting.Default ??= setting.IsRequired ? null : setting.Format(defaults);
        return settings;
    }
}

/// <summary>A mapping with settings of its own.</summary>
sealed class SectionSetting<TOwner, T>(
    string name, string description, Section<T> section, Func<TOwner, T?> get, Func<TOwner, T, TOwner> set)
    : Setting<TOwner>(name, description) where T : class
{
    public override IReadOnlyList<Setting> Keys => section.All;

    public override TOwner Read(RawSection raw, TOwner owner, List<ConfigurationError> errors) =>
        raw.Sections.TryGetValue(Name, out var written) ? set(owner, section.Read(written[0], errors)) : owner;

    public override bool IsEqual(TOwner one, TOwner other) => Equals(get(one), get(other));

    public override string? Format(TOwner owner) => get(owner) is { } value ? section.Format(value) : null;
}

/// <summary>A list of mappings.</summary>
sealed class SectionsSetting<TOwner, T>(
    string name, string description, Section<T> section, Func<TOwner, ImmutableArray<T>> get,
    Func<TOwner, ImmutableArray<T>, TOwner> set)
    : Setting<TOwner>(name, description)
{
    public override IReadOnlyList<Setting> Keys => section.All;

    public override bool IsList => true;

    public override TOwner Read(RawSection raw, TOwner owner, List<ConfigurationError> errors) =>
        set(owner, [.. raw.Sections.GetValueOrDefault(Name, []).Select(item => section.Read(item, errors))]);

    public override bool IsEqual(TOwner one, TOwner other) => get(one).SequenceEqual(get(other));

    public override string? Format(TOwner owner) => null;
}
