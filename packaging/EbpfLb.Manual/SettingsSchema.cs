using System.Text.Json;
using System.Text.Json.Nodes;
using EbpfLb.Configuration;

namespace EbpfLb.Manual;

/// <summary>The JSON schema of a configuration file, for editors. It accepts every valid file, and some invalid ones.</summary>
static class SettingsSchema
{
    static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The whole schema, as text.</summary>
    public static string Create()
    {
        var root = Mapping(LoadBalancerConfiguration.Settings.All);
        root.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        root.Insert(1, "title", "Configuration of ebpf-lb");
        return root.ToJsonString(Indented) + "\n";
    }

    static JsonObject Mapping(IReadOnlyList<Setting> settings) => new()
    {
        ["type"] = "object",
        ["additionalProperties"] = false,
        ["required"] = Array(settings.Where(setting => setting.IsRequired).Select(setting => setting.Name)),
        ["properties"] = new JsonObject(settings.Select(setting => KeyValuePair.Create<string, JsonNode?>(setting.Name, Property(setting)))),
    };

    static JsonObject Property(Setting setting)
    {
        var property = (setting.Type, setting.IsList) switch
        {
            ({ } type, false) => Value(type),
            ({ } type, true) => new() { ["anyOf"] = new JsonArray(Value(type), List(setting, Value(type))) },
            (null, false) => Mapping(setting.Keys),
            (null, true) => List(setting, Item(setting)),
        };
        property.Insert(0, "description", setting.Description + ".");
        if (setting is { Type: { } known, Default: { } text } && known.Default(text) is { } value)
            property["default"] = value;
        return property;
    }

    static JsonObject Item(Setting list) => list.Shorthand is { } key
        ? new() { ["anyOf"] = new JsonArray(Value(list.Keys.Single(known => known.Name == key).Type!), Mapping(list.Keys)) }
        : Mapping(list.Keys);

    static JsonObject List(Setting setting, JsonObject items)
    {
        var list = new JsonObject { ["type"] = "array", ["items"] = items };
        if (setting.NeedsItems)
            list["minItems"] = 1;
        return list;
    }

    static JsonObject Value(SettingType type)
    {
        var value = new JsonObject
        {
            ["type"] = type.Kind switch
            {
                SchemaKind.Integer => "integer",
                SchemaKind.Boolean => "boolean",
                SchemaKind.StringOrInteger => Array(["string", "integer"]),
                _ => "string",
            },
        };
        if (!type.Words.IsEmpty)
            value["enum"] = type.Kind == SchemaKind.Boolean
                ? new JsonArray([.. type.Words.Select(word => (JsonNode)(word == "true"))])
                : Array(type.Words);
        if (type.Bounds is var (min, max))
            (value["minimum"], value["maximum"]) = (min, max);
        if (type.Pattern is { } pattern)
            value["pattern"] = pattern;
        return value;
    }

    /// <summary>Null if the text is a phrase, not a value.</summary>
    static JsonNode? Default(this SettingType type, string text) => type.Kind switch
    {
        SchemaKind.Integer => long.TryParse(text, out var number) ? number : null,
        SchemaKind.Boolean => text == "true",
        _ => text.Contains(' ', StringComparison.Ordinal) ? null : text,
    };

    static JsonArray Array(IEnumerable<string> values) => new([.. values.Select(value => (JsonNode)value)]);
}
