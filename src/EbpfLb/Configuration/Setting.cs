namespace EbpfLb.Configuration;

/// <summary>A flag that takes the keys of a mapping as <c>KEY=VALUE</c>.</summary>
/// <param name="HelpName">Stands for the pair in the help.</param>
/// <param name="UnknownKey">What is wrong with a pair of another key; continues it as a sentence.</param>
/// <param name="Example">A valid pair.</param>
sealed record PairsFlag(string HelpName, string UnknownKey, string Example);

/// <summary>A key of the configuration. File, flags, help, completion, reload, reference and schema derive from it.</summary>
/// <param name="name">The key in a file.</param>
/// <param name="description">One sentence without a full stop.</param>
abstract class Setting(string name, string description)
{
    public string Name { get; } = name;
    public string Description { get; } = description;

    /// <summary>Null if no flag gives it.</summary>
    public string? Flag { get; init; } = $"--{name}";
    public string[] Aliases { get; init; } = [];

    /// <summary>True if a running balancer applies a change of the file; false if a change takes a restart.</summary>
    public bool IsReloadable { get; init; } = true;
    public bool IsRequired { get; init; }

    /// <summary>In a list of mappings: each value of the flag makes an item.</summary>
    public bool IsItemKey { get; init; }

    /// <summary>What holds without it, as users write it; null if nothing does.</summary>
    public string? Default { get; set; }

    public virtual bool IsList => false;

    /// <summary>True for a list that is never empty: it is required, or has a default.</summary>
    public bool NeedsItems => IsList && (IsRequired || Default is not null);

    /// <summary>Null for a mapping, and for a list of mappings.</summary>
    public virtual SettingType? Type => null;

    /// <summary>The keys of a mapping, or of each mapping of a list.</summary>
    public virtual IReadOnlyList<Setting> Keys => [];

    /// <summary>Null unless one flag gives all keys of the mapping.</summary>
    public PairsFlag? Pairs { get; init; }

    /// <summary>The key that a value alone stands for, in place of a mapping; null if a mapping must be written.</summary>
    public string? Shorthand { get; init; }
}

/// <summary>A setting of <typeparamref name="TOwner"/>.</summary>
abstract class Setting<TOwner>(string name, string description) : Setting(name, description)
{
    /// <summary>The owner with the value as written, or unchanged with errors.</summary>
    public abstract TOwner Read(RawSection raw, TOwner owner, List<ConfigurationError> errors);

    public abstract bool IsEqual(TOwner one, TOwner other);

    /// <summary>The value as users write it; null if there is none.</summary>
    public abstract string? Format(TOwner owner);
}

sealed class ValueSetting<TOwner, T>(
    string name, string description, SettingType<T> type, Func<TOwner, T> get, Func<TOwner, T, TOwner> set)
    : Setting<TOwner>(name, description)
{
    /// <summary>Narrows the type by the settings before this one; null if nothing does.</summary>
    public Func<TOwner, SettingType<T>>? Narrow { get; init; }

    public override SettingType Type => type;

    public override TOwner Read(RawSection raw, TOwner owner, List<ConfigurationError> errors)
    {
        if (raw.Value(Name) is not { } located)
            return owner;
        var parsed = (Narrow?.Invoke(owner) ?? type).Parse(located.Value);
        errors.AddRange(parsed.Errors.Select(located.Error));
        return parsed.Errors.IsEmpty ? set(owner, parsed.Value!) : owner;
    }

    public override bool IsEqual(TOwner one, TOwner other) => EqualityComparer<T>.Default.Equals(get(one), get(other));

    public override string? Format(TOwner owner) => type.Format(get(owner));
}
