namespace EbpfLb.Configuration;

/// <summary>A setting with one or more values, each of them once.</summary>
/// <param name="limit">The greatest number of values, and what is wrong with the first value beyond it.</param>
/// <param name="repeated">What is wrong with a value that is there already.</param>
sealed class ValuesSetting<TOwner, T>(
    string name, string description, SettingType<T> type, Func<TOwner, ImmutableArray<T>> get,
    Func<TOwner, ImmutableArray<T>, TOwner> set, (int Max, SyntaxError Error) limit, SyntaxError repeated)
    : Setting<TOwner>(name, description)
{
    static readonly SyntaxError Several = new("is several values in one", "Write a list in a file, or give the flag once for each");

    public override SettingType Type => type;

    public override bool IsList => true;

    public override TOwner Read(RawSection raw, TOwner owner, List<ConfigurationError> errors)
    {
        var values = ImmutableArray.CreateBuilder<T>();
        foreach (var located in raw.Values.GetValueOrDefault(Name, []))
        {
            var parsed = type.Parse(located.Value);
            if (!parsed.Errors.IsEmpty)
            {
                errors.AddRange(IsSeveral(located.Value) ? [located.Error(Several)] : parsed.Errors.Select(located.Error));
                continue;
            }
            if (values.Contains(parsed.Value!))
                errors.Add(located.Error(repeated));
            else
                values.Add(parsed.Value!);
            if (values.Count <= limit.Max)
                continue;
            errors.Add(located.Error(limit.Error));
            break;
        }
        return set(owner, values.ToImmutable());
    }

    bool IsSeveral(string value) =>
        value.Split(',', StringSplitOptions.TrimEntries) is { Length: > 1 } parts && parts.All(part => type.Parse(part).Errors.IsEmpty);

    public override bool IsEqual(TOwner one, TOwner other) => get(one).SequenceEqual(get(other));

    public override string? Format(TOwner owner) =>
        get(owner).IsEmpty ? null : string.Join(", ", get(owner).Select(type.Format));
}
