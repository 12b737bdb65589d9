using EbpfLb.Configuration;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EbpfLb.Providers.Files;

/// <summary>Reads a YAML configuration.</summary>
sealed class YamlReader
{
    const string ExampleRemedy = "See the example in 'ebpf-lb run --help'";

    static readonly HashSet<string> AllKeys = [.. NamesOf(LoadBalancerConfiguration.Settings.All)];

    readonly string _file;
    readonly List<ConfigurationError> _errors = [];

    YamlReader(string file) => _file = file;

    /// <summary>Reads a file's text; <paramref name="file"/> is its name in errors.</summary>
    public static ConfigurationResult Read(string text, string file)
    {
        var source = new YamlReader(file);
        var raw = source.Load(text) is { } root ? source.Section(root, "", LoadBalancerConfiguration.Settings.All) : null;
        var result = raw is null ? new ConfigurationResult(null, [.. source._errors]) : Validator.Validate(raw, source._errors);
        return result with
        {
            Errors = [.. result.Errors.OrderBy(error => error.Location.Line).ThenBy(error => error.Location.Column)],
        };
    }

    YamlNode? Load(string text)
    {
        var parser = new BoundedParser(new Parser(new StringReader(text)));
        var stream = new YamlStream();
        try
        {
            stream.Load(parser);
        }
        catch (YamlException error)
        {
            var (line, column, value, problem, remedy) = YamlSyntax.Explain(text, error, AllKeys);
            _errors.Add(new(At(line, column), value, problem, remedy));
            return null;
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException)
        {
            // YamlDotNet throws these for some invalid text.
            _errors.Add(new(At(parser.Current?.End ?? Mark.Empty), null, "what follows is not YAML", "Correct it there or just before"));
            return null;
        }
        if (stream.Documents.Count > 0)
            return stream.Documents[0].RootNode;
        _errors.Add(new(_file, null, "the file holds no configuration", ExampleRemedy));
        return null;
    }

    /// <summary>The keys of a mapping; null, and an error, if the node is not a mapping.</summary>
    RawSection? Section(YamlNode node, string path, IReadOnlyList<Setting> settings)
    {
        string[] known = [.. settings.Select(setting => setting.Name)];
        if (node is not YamlMappingNode mapping)
        {
            if (!IsJoined(node, path))
                AddError(node, path, $"is not a mapping with the keys {string.Join(", ", known)}", ExampleRemedy);
            return null;
        }
        var before = _errors.Count;
        var raw = new RawSection(At(StartOf(node), path));
        var nodes = Keys(mapping, path, known);
        foreach (var setting in settings)
            Read(raw, setting, nodes.GetValueOrDefault(setting.Name), node, Join(path, setting.Name));
        raw.IsIncomplete = _errors.Count > before;
        return raw;
    }

    /// <summary>True, and an error, if it is a key with a value and no blank between them.</summary>
    bool IsJoined(YamlNode node, string path)
    {
        if (YamlSyntax.SeparateValue(Text(node), AllKeys) is not { } separate)
            return false;
        AddError(node, path, "has no blank after the colon", $"Write '{separate}'");
        return true;
    }

    Dictionary<string, YamlNode> Keys(YamlMappingNode mapping, string path, string[] known)
    {
        var nodes = new Dictionary<string, YamlNode>();
        foreach (var (key, value) in mapping.Children)
        {
            if (key is not YamlScalarNode { Value: { } name } || !known.Contains(name))
            {
                if (!IsJoined(key, path))
                    AddError(key, path, "is not a known key", Spelling.Remedy(Text(key), known));
            }
            else if (!nodes.TryAdd(name, value))
                AddError(key, path, "is given twice", "Keep one of them");
        }
        return nodes;
    }

    /// <summary>Reads the node of a setting, which may be missing, into the mapping.</summary>
    void Read(RawSection raw, Setting setting, YamlNode? node, YamlNode parent, string path)
    {
        if (node is null || IsEmpty(node) || (setting.IsList && node is YamlSequenceNode { Children.Count: 0 }))
        {
            if (setting.IsRequired)
            {
                var (problem, remedy) = setting.Keys.Count > 0
                    ? ($"no {setting.Name} are configured", $"Name at least one under '{setting.Name}:'")
                    : ($"the {setting.Name} is missing", $"Add '{setting.Name}: ...'");
                _errors.Add(new(At(StartOf(node ?? parent), path), null, problem, remedy));
            }
            else if (setting.NeedsItems && node is YamlSequenceNode)
            {
                AddError(node, path, "is an empty list", $"Name at least one value, or remove the key: the default is {setting.Default}");
            }
        }
        else if (setting.Type is not null)
        {
            Located<string>?[] values = setting.IsList && node is YamlSequenceNode list
                ? [.. list.Children.Select((child, index) => Single(child, $"{path}[{index}]"))]
                : [Single(node, path)];
            if (values.OfType<Located<string>>().ToList() is { Count: > 0 } read)
                raw.Values.Add(setting.Name, read);
        }
        else if (!setting.IsList)
        {
            if (Section(node, path, setting.Keys) is { } section)
                raw.Sections.Add(setting.Name, [section]);
        }
        else if (node is YamlSequenceNode items)
        {
            raw.Sections.Add(setting.Name,
                [.. items.Children.Select((item, index) => Item(item, $"{path}[{index}]", setting)).OfType<RawSection>()]);
        }
        else
        {
            AddError(node, path, "is not a list", "Begin each item with '- ' on a line of its own");
        }
    }

    /// <summary>A mapping, or a value for one of its keys if the setting allows it.</summary>
    RawSection? Item(YamlNode node, string path, Setting list)
    {
        if (FindEndPoint(node) is { } endPoint)
        {
            _errors.Add(new(At(StartOf(node), path), endPoint, YamlSyntax.UnquotedBracket, YamlSyntax.QuoteRemedy(endPoint)));
            return null;
        }
        if (list.Shorthand is not { } key || node is YamlMappingNode)
            return Section(node, path, list.Keys);
        if (node is YamlScalarNode { Value: { Length: > 0 } value })
            return new(At(StartOf(node), path)) { Values = { [key] = [new(At(StartOf(node), path), value)] } };
        AddError(node, path,
            $"is neither an {key} nor a mapping with the keys {string.Join(", ", list.Keys.Select(known => known.Name))}", ExampleRemedy);
        return null;
    }

    Located<string>? Single(YamlNode node, string path)
    {
        if (node is YamlScalarNode { Value: { } value })
            return new Located<string>(At(StartOf(node), path), value);
        AddError(node, path, "is not a single value",
            $"Write one value after '{path[(path.LastIndexOf('.') + 1)..]}:', in quotes where it begins with a bracket");
        return null;
    }

    void AddError(YamlNode node, string path, string problem, string remedy) =>
        _errors.Add(new(At(StartOf(node), path), Text(node), problem, remedy));

    static string Text(YamlNode node) => node switch
    {
        YamlScalarNode scalar => scalar.Value ?? "",
        YamlSequenceNode { Children.Count: 0 } => "[]",
        YamlSequenceNode => "[...]",
        _ => "{...}",
    };

    /// <summary>The parser gives a mapping without braces in a list within brackets no position.</summary>
    static Mark StartOf(YamlNode node) =>
        node is YamlMappingNode { Children.Count: > 0, Start.Index: 0 } mapping ? mapping.Children[0].Key.Start : node.Start;

    /// <summary>An IPv6 endpoint without quotes in a list within brackets: a list is the key, and the port its value.</summary>
    static string? FindEndPoint(YamlNode node) =>
        node is YamlMappingNode { Children: [{ Key: YamlSequenceNode { Children: [YamlScalarNode address] }, Value: YamlScalarNode port }] }
            ? $"[{address.Value}]:{port.Value}"
            : null;

    static bool IsEmpty(YamlNode node) => node is YamlScalarNode { Value: null or "" };

    static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";

    static IEnumerable<string> NamesOf(IEnumerable<Setting> settings) =>
        settings.SelectMany(setting => NamesOf(setting.Keys).Prepend(setting.Name));

    SourceLocation At(Mark mark, string path = "") => At(mark.Line, mark.Column, path);

    SourceLocation At(long line, long column, string path = "") => new($"{_file}:{line}:{column} {path}".TrimEnd(), line, column);
}
