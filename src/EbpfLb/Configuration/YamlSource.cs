using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EbpfLb.Configuration;

/// <summary>Reads a configuration written in YAML.</summary>
sealed class YamlSource
{
    const string SeeExample = "See the example in 'ebpf-lb run --help'";
    static readonly string[] RootKeys =
        ["interface", "hook", "events", "flows", "timeouts", "metrics", "logs", "leave-attached", "services", "docker"];
    static readonly string[] ServiceKeys = ["name", "listen", "algorithm", "mode", "drain", "health", "backends"];
    static readonly string[] BackendKeys = ["address", "weight"];
    static readonly string[] DockerKeys = ["network", "socket"];

    readonly string _file;
    readonly List<Fault> _faults = [];

    YamlSource(string file) => _file = file;

    /// <summary>Reads the text of a file; <paramref name="file"/> is its name in the places of faults.</summary>
    public static Reading Read(string text, string file)
    {
        var source = new YamlSource(file);
        var draft = source.Load(text) is { } root ? source.Root(root) : null;
        var reading = draft is null ? new Reading(null, [.. source._faults]) : Validator.Validate(draft, source._faults);
        return reading with
        {
            Faults = [.. reading.Faults.OrderBy(fault => fault.Place.Line).ThenBy(fault => fault.Place.Column)],
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
        catch (YamlException fault)
        {
            return Broken(fault.Start, fault.Message);
        }
        catch (Exception fault) when (fault is InvalidOperationException or ArgumentException)
        {
            // On some broken text YamlDotNet trips over itself instead of saying what is wrong.
            return Broken(parser.Current?.End ?? Mark.Empty, "what follows is not YAML");
        }
        if (stream.Documents.Count > 0)
            return stream.Documents[0].RootNode;
        _faults.Add(new(_file, null, "the file holds no configuration", SeeExample));
        return null;
    }

    YamlNode? Broken(Mark mark, string why)
    {
        _faults.Add(new(
            At(mark), null, $"the YAML cannot be read: {why.TrimEnd('.')}", "Correct it there or just before"));
        return null;
    }

    Draft? Root(YamlNode node)
    {
        if (Mapping(node, "", RootKeys) is not { } root)
            return null;
        var services = Items(root, node, "services", required: true)
            .Select(item => Service(item.Node, item.Path)).OfType<ServiceDraft>();
        return new Draft(Interfaces(root, node), Scalar(root, node, "hook"),
            Scalar(root, node, "events"), Scalar(root, node, "flows"), Timeouts(root), [.. services])
        {
            Metrics = Scalar(root, node, "metrics"),
            Logs = Scalar(root, node, "logs"),
            Docker = Docker(root),
            LeaveAttached = Scalar(root, node, "leave-attached"),
        };
    }

    /// <summary>One, or a list of them.</summary>
    IReadOnlyList<Placed> Interfaces(Dictionary<string, YamlNode> root, YamlNode node)
    {
        const string Path = "interface";
        if (root.GetValueOrDefault(Path) is YamlSequenceNode { Children.Count: > 0 })
            return [.. Items(root, node, Path).Select(item => Single(item.Node, item.Path)).OfType<Placed>()];
        return Scalar(root, node, Path, required: true) is { } one ? [one] : [];
    }

    DockerDraft? Docker(Dictionary<string, YamlNode> root)
    {
        const string Path = "docker";
        if (!root.TryGetValue(Path, out var node) || IsEmpty(node) || Mapping(node, Path, DockerKeys) is not { } docker)
            return null;
        return new(Scalar(docker, node, "network", Path, required: true), Scalar(docker, node, "socket", Path));
    }

    Dictionary<string, Placed> Timeouts(Dictionary<string, YamlNode> root)
    {
        const string Path = "timeouts";
        return root.TryGetValue(Path, out var node) && !IsEmpty(node) && Mapping(node, Path, Words.Timeouts) is { } timeouts
            ? Scalars(timeouts, node, Path)
            : [];
    }

    ServiceDraft? Service(YamlNode node, string path)
    {
        if (Mapping(node, path, ServiceKeys) is not { } service)
            return null;
        var backends = Items(service, node, "backends", path)
            .Select(item => Backend(item.Node, item.Path)).OfType<BackendDraft>();
        return new ServiceDraft(
            Scalar(service, node, "name", path), Scalar(service, node, "listen", path, required: true),
            Scalar(service, node, "algorithm", path), Scalar(service, node, "mode", path), [.. backends])
        {
            Drain = Scalar(service, node, "drain", path),
            Health = Health(service, Join(path, "health")),
        };
    }

    HealthDraft? Health(Dictionary<string, YamlNode> service, string path)
    {
        if (!service.TryGetValue("health", out var node) || IsEmpty(node) || Mapping(node, path, Words.Health) is not { } health)
            return null;
        return new HealthDraft(At(node.Start, path), Scalars(health, node, path));
    }

    Dictionary<string, Placed> Scalars(Dictionary<string, YamlNode> mapping, YamlNode node, string path)
    {
        var placed = new Dictionary<string, Placed>();
        foreach (var key in mapping.Keys)
        {
            if (Scalar(mapping, node, key, path) is { } value)
                placed.Add(key, value);
        }
        return placed;
    }

    BackendDraft? Backend(YamlNode node, string path)
    {
        if (node is YamlScalarNode { Value: { Length: > 0 } address })
            return new BackendDraft(new Placed(At(node.Start, path), address), Weight: null);
        if (node is not YamlMappingNode)
        {
            Report(node, path, $"is neither an address nor a mapping with the keys {string.Join(", ", BackendKeys)}", SeeExample);
            return null;
        }
        if (Mapping(node, path, BackendKeys) is not { } backend)
            return null;
        var weight = Scalar(backend, node, "weight", path);
        return Scalar(backend, node, "address", path, required: true) is { } placed
            ? new BackendDraft(placed, weight)
            : null;
    }

    /// <summary>The values of a mapping by key; null, and a fault, where the node is none.</summary>
    Dictionary<string, YamlNode>? Mapping(YamlNode node, string path, string[] known)
    {
        if (node is not YamlMappingNode mapping)
        {
            Report(node, path, $"is not a mapping with the keys {string.Join(", ", known)}", SeeExample);
            return null;
        }
        var values = new Dictionary<string, YamlNode>();
        foreach (var (key, value) in mapping.Children)
        {
            if (key is not YamlScalarNode { Value: { } name } || !known.Contains(name))
                Report(key, path, "is not a known key", Spelling.Nearest(Text(key), known) is { } near
                    ? $"Perhaps '{near}' is meant"
                    : $"Use one of: {string.Join(", ", known)}");
            else if (!values.TryAdd(name, value))
                Report(key, path, "stands here twice", "Keep one of them");
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
                _faults.Add(new(At((node ?? parent).Start, path), null,
                    $"no {key} are configured", $"Name at least one under '{key}:'"));
            return [];
        }
        if (node is YamlSequenceNode sequence)
            return sequence.Children.Select((child, index) => (child, $"{path}[{index}]"));
        Report(node, path, "is not a list", "Begin each item with '- ' on a line of its own");
        return [];
    }

    Placed? Scalar(
        Dictionary<string, YamlNode> mapping, YamlNode parent, string key, string path = "", bool required = false)
    {
        path = Join(path, key);
        if (!mapping.TryGetValue(key, out var node) || IsEmpty(node))
        {
            if (required)
                _faults.Add(new(At((node ?? parent).Start, path), null, $"the {key} is missing", $"Add '{key}: ...'"));
            return null;
        }
        return Single(node, path);
    }

    Placed? Single(YamlNode node, string path)
    {
        if (node is YamlScalarNode { Value: { } value })
            return new Placed(At(node.Start, path), value);
        Report(node, path, "is not a single value",
            $"Write one value after '{path[(path.LastIndexOf('.') + 1)..]}:', in quotes where it begins with a bracket");
        return null;
    }

    void Report(YamlNode node, string path, string problem, string remedy) =>
        _faults.Add(new(At(node.Start, path), Text(node), problem, remedy));

    static string Text(YamlNode node) => node switch
    {
        YamlScalarNode scalar => scalar.Value ?? "",
        YamlSequenceNode => "[...]",
        _ => "{...}",
    };

    static bool IsEmpty(YamlNode node) => node is YamlScalarNode { Value: null or "" };

    static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";

    Place At(Mark mark, string path = "") =>
        new($"{_file}:{mark.Line}:{mark.Column} {path}".TrimEnd(), mark.Line, mark.Column);
}
