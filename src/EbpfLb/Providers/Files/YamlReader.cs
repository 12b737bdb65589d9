using EbpfLb.Configuration;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EbpfLb.Providers.Files;

/// <summary>Reads a YAML configuration.</summary>
sealed class YamlReader
{
    const string ExampleRemedy = "See the example in 'ebpf-lb run --help'";
    static readonly string[] RootKeys =
        ["interface", "hook", "events", "flows", "timeouts", "metrics", "logs", "leave-attached", "services", "docker"];
    static readonly string[] ServiceKeys = ["name", "listen", "algorithm", "mode", "drain", "health", "backends"];
    static readonly string[] BackendKeys = ["address", "weight"];
    static readonly string[] DockerKeys = ["network", "socket"];

    readonly string _file;
    readonly List<ConfigurationError> _errors = [];

    YamlReader(string file) => _file = file;

    /// <summary>Reads a file's text; <paramref name="file"/> is its name in errors.</summary>
    public static ConfigurationResult Read(string text, string file)
    {
        var source = new YamlReader(file);
        var raw = source.Load(text) is { } root ? source.Root(root) : null;
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
            return AddSyntaxError(error.Start, error.Message);
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException)
        {
            // YamlDotNet throws these for some invalid text.
            return AddSyntaxError(parser.Current?.End ?? Mark.Empty, "what follows is not YAML");
        }
        if (stream.Documents.Count > 0)
            return stream.Documents[0].RootNode;
        _errors.Add(new(_file, null, "the file holds no configuration", ExampleRemedy));
        return null;
    }

    YamlNode? AddSyntaxError(Mark mark, string why)
    {
        _errors.Add(new(
            At(mark), null, $"the YAML cannot be read: {why.TrimEnd('.')}", "Correct it there or just before"));
        return null;
    }

    RawConfiguration? Root(YamlNode node)
    {
        if (Mapping(node, "", RootKeys) is not { } root)
            return null;
        var services = Items(root, node, "services", required: true)
            .Select(item => Service(item.Node, item.Path)).OfType<RawService>();
        return new RawConfiguration(Interfaces(root, node), Scalar(root, node, "hook"),
            Scalar(root, node, "events"), Scalar(root, node, "flows"), Timeouts(root), [.. services])
        {
            Metrics = Scalar(root, node, "metrics"),
            Logs = Scalar(root, node, "logs"),
            Docker = Docker(root),
            LeaveAttached = Scalar(root, node, "leave-attached"),
        };
    }

    /// <summary>A value or a list.</summary>
    IReadOnlyList<Located<string>> Interfaces(Dictionary<string, YamlNode> root, YamlNode node)
    {
        const string Path = "interface";
        if (root.GetValueOrDefault(Path) is YamlSequenceNode { Children.Count: > 0 })
            return [.. Items(root, node, Path).Select(item => Single(item.Node, item.Path)).OfType<Located<string>>()];
        return Scalar(root, node, Path, required: true) is { } one ? [one] : [];
    }

    RawDocker? Docker(Dictionary<string, YamlNode> root)
    {
        const string Path = "docker";
        if (!root.TryGetValue(Path, out var node) || IsEmpty(node) || Mapping(node, Path, DockerKeys) is not { } docker)
            return null;
        return new(Scalar(docker, node, "network", Path, required: true), Scalar(docker, node, "socket", Path));
    }

    Dictionary<string, Located<string>> Timeouts(Dictionary<string, YamlNode> root)
    {
        const string Path = "timeouts";
        return root.TryGetValue(Path, out var node) && !IsEmpty(node) && Mapping(node, Path, ConfigNames.Timeouts) is { } timeouts
            ? Scalars(timeouts, node, Path)
            : [];
    }

    RawService? Service(YamlNode node, string path)
    {
        if (Mapping(node, path, ServiceKeys) is not { } service)
            return null;
        var backends = Items(service, node, "backends", path)
            .Select(item => Backend(item.Node, item.Path)).OfType<RawBackend>();
        return new RawService(
            Scalar(service, node, "name", path), Scalar(service, node, "listen", path, required: true),
            Scalar(service, node, "algorithm", path), Scalar(service, node, "mode", path), [.. backends])
        {
            Drain = Scalar(service, node, "drain", path),
            Health = Health(service, Join(path, "health")),
        };
    }

    RawHealthCheck? Health(Dictionary<string, YamlNode> service, string path)
    {
        if (!service.TryGetValue("health", out var node) || IsEmpty(node) || Mapping(node, path, ConfigNames.Health) is not { } health)
            return null;
        return new RawHealthCheck(At(node.Start, path), Scalars(health, node, path));
    }

    Dictionary<string, Located<string>> Scalars(Dictionary<string, YamlNode> mapping, YamlNode node, string path)
    {
        var located = new Dictionary<string, Located<string>>();
        foreach (var key in mapping.Keys)
        {
            if (Scalar(mapping, node, key, path) is { } value)
                located.Add(key, value);
        }
        return located;
    }

    RawBackend? Backend(YamlNode node, string path)
    {
        if (node is YamlScalarNode { Value: { Length: > 0 } address })
            return new RawBackend(new Located<string>(At(node.Start, path), address), Weight: null);
        if (node is not YamlMappingNode)
        {
            AddError(node, path, $"is neither an address nor a mapping with the keys {string.Join(", ", BackendKeys)}", ExampleRemedy);
            return null;
        }
        if (Mapping(node, path, BackendKeys) is not { } backend)
            return null;
        var weight = Scalar(backend, node, "weight", path);
        return Scalar(backend, node, "address", path, required: true) is { } located
            ? new RawBackend(located, weight)
            : null;
    }

    /// <summary>The values of a mapping by key; null, and an error, if the node is not a mapping.</summary>
    Dictionary<string, YamlNode>? Mapping(YamlNode node, string path, string[] known)
    {
        if (node is not YamlMappingNode mapping)
        {
            AddError(node, path, $"is not a mapping with the keys {string.Join(", ", known)}", ExampleRemedy);
            return null;
        }
        var values = new Dictionary<string, YamlNode>();
        foreach (var (key, value) in mapping.Children)
        {
            if (key is not YamlScalarNode { Value: { } name } || !known.Contains(name))
                AddError(key, path, "is not a known key", Spelling.Suggest(Text(key), known) is { } near
                    ? $"Perhaps '{near}' is meant"
                    : $"Use one of: {string.Join(", ", known)}");
            else if (!values.TryAdd(name, value))
                AddError(key, path, "is given twice", "Keep one of them");
        }
        return values;
    }

    IEnumerable<(YamlNode Node, string Path)> Items(
        Dictionary<string, YamlNode> mapping, YamlNode parent, string key, string path = "", bool required = false)
    {
        path = Join(path, key);
        if (!mapping.TryGetValue(key, out var node) || IsEmpty(node) || node is YamlSequenceNode { Children.Count: 0 })
        {
            if (required)
                _errors.Add(new(At((node ?? parent).Start, path), null,
                    $"no {key} are configured", $"Name at least one under '{key}:'"));
            return [];
        }
        if (node is YamlSequenceNode sequence)
            return sequence.Children.Select((child, index) => (child, $"{path}[{index}]"));
        AddError(node, path, "is not a list", "Begin each item with '- ' on a line of its own");
        return [];
    }

    Located<string>? Scalar(
        Dictionary<string, YamlNode> mapping, YamlNode parent, string key, string path = "", bool required = false)
    {
        path = Join(path, key);
        if (!mapping.TryGetValue(key, out var node) || IsEmpty(node))
        {
            if (required)
                _errors.Add(new(At((node ?? parent).Start, path), null, $"the {key} is missing", $"Add '{key}: ...'"));
            return null;
        }
        return Single(node, path);
    }

    Located<string>? Single(YamlNode node, string path)
    {
        if (node is YamlScalarNode { Value: { } value })
            return new Located<string>(At(node.Start, path), value);
        AddError(node, path, "is not a single value",
            $"Write one value after '{path[(path.LastIndexOf('.') + 1)..]}:', in quotes where it begins with a bracket");
        return null;
    }

    void AddError(YamlNode node, string path, string problem, string remedy) =>
        _errors.Add(new(At(node.Start, path), Text(node), problem, remedy));

    static string Text(YamlNode node) => node switch
    {
        YamlScalarNode scalar => scalar.Value ?? "",
        YamlSequenceNode => "[...]",
        _ => "{...}",
    };

    static bool IsEmpty(YamlNode node) => node is YamlScalarNode { Value: null or "" };

    static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";

    SourceLocation At(Mark mark, string path = "") =>
        new($"{_file}:{mark.Line}:{mark.Column} {path}".TrimEnd(), mark.Line, mark.Column);
}
