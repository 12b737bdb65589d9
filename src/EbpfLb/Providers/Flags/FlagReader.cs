using EbpfLb.Configuration;

namespace EbpfLb.Providers.Flags;

/// <summary>Reads a configuration from flags: every --listen is a service with the same backends.</summary>
/// <param name="flags">The values of each flag that is given; a flag without a value is <c>true</c>.</param>
sealed class FlagReader(IReadOnlyDictionary<string, string[]> flags)
{
    readonly List<ConfigurationError> _errors = [];

    /// <summary>Reads the values of flags by the names of the flags, which have their dashes.</summary>
    public static ConfigurationResult Read(IReadOnlyDictionary<string, string[]> flags)
    {
        var reader = new FlagReader(flags);
        reader.RequireFlags();
        var raw = reader.ReadSection("", LoadBalancerConfiguration.Settings.All);
        return Validator.Validate(raw, reader._errors);
    }

    void RequireFlags()
    {
        if (ValuesOf("--interface").Length == 0)
            _errors.Add(new("--interface", null, "the interface is missing", "Add '--interface eth0', or '--config FILE'"));
        if (ValuesOf("--listen").Length == 0)
            _errors.Add(new("--listen", null, "no endpoint to listen on is given", "Add '--listen :80'"));
        if (ValuesOf("--backend").Length == 0 && ValuesOf("--docker").Length == 0)
            _errors.Add(new("--backend", null, "no backend is given",
                "Add '--backend HOST[:PORT]', once for each, or '--docker NETWORK' for labelled containers"));
        if (ValuesOf("--docker-socket") is [var socket, ..] && ValuesOf("--docker").Length == 0)
            _errors.Add(new("--docker-socket", socket, "has no effect without a network", "Add '--docker NETWORK'"));
    }

    string[] ValuesOf(string? flag) => flag is not null && flags.TryGetValue(flag, out var values) ? values : [];

    RawSection ReadSection(SourceLocation location, IEnumerable<Setting> settings)
    {
        var raw = new RawSection(location);
        foreach (var setting in settings)
        {
            if (setting.Type is not null)
            {
                if (ValuesOf(setting.Flag) is { Length: > 0 } values)
                    raw.Values.Add(setting.Name, [.. values.Select(value => new Located<string>(setting.Flag!, value))]);
            }
            else if (setting.Pairs is { } pairs)
            {
                if (ValuesOf(setting.Flag) is { Length: > 0 } given)
                    raw.Sections.Add(setting.Name, [ReadPairs(setting, pairs, given)]);
            }
            else if (setting.IsList)
            {
                raw.Sections.Add(setting.Name, [.. ReadItems(setting.Keys)]);
            }
            else if (ReadSection("", setting.Keys) is { IsEmpty: false } section)
            {
                raw.Sections.Add(setting.Name, [section]);
            }
        }
        return raw;
    }

    /// <summary>An item for each value of the flag that makes items; the values of other flags are the same in all.</summary>
    IEnumerable<RawSection> ReadItems(IReadOnlyList<Setting> settings)
    {
        var key = settings.Single(setting => setting.IsItemKey);
        Setting[] others = [.. settings.Where(setting => setting != key)];
        foreach (var value in ValuesOf(key.Flag))
        {
            var item = ReadSection(key.Flag!, others);
            item.Values.Add(key.Name, [new(key.Flag!, value)]);
            yield return item;
        }
    }

    /// <summary>The values of a flag with KEY=VALUE pairs. A switch needs no value.</summary>
    RawSection ReadPairs(Setting setting, PairsFlag flag, string[] given)
    {
        var raw = new RawSection(setting.Flag!);
        string[] known = [.. setting.Keys.Select(key => key.Name)];
        foreach (var text in given)
        {
            var pair = setting.Keys.Any(key => key.Name == text && key.Type!.IsSwitch) ? $"{text}=true" : text;
            var equals = pair.IndexOf('=');
            var name = equals < 0 ? pair : pair[..equals];
            ConfigurationError? error = null;
            if (equals < 0)
                error = new(setting.Flag!, pair, "has no '='", $"Write it as {flag.Example}");
            else if (!known.Contains(name))
                error = new(setting.Flag!, pair, flag.UnknownKey, Spelling.Remedy(name, known));
            else if (!raw.Values.TryAdd(name, [new($"{setting.Flag} {name}", pair[(equals + 1)..])]))
                error = new(setting.Flag!, pair, "is given twice", "Keep one of them");
            if (error is null)
                continue;
            _errors.Add(error);
            raw.IsIncomplete = true;
        }
        return raw;
    }
}
