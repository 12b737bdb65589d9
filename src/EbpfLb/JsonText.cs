using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace EbpfLb;

/// <summary>JSON for a terminal or a script.</summary>
static class JsonText
{
    /// <summary>
    /// Serializes without escaping what only a web page would misread: quotation marks in a sentence stay as they are.
    /// </summary>
    public static string Format<T>(T value, JsonTypeInfo<T> type)
    {
        using var text = new MemoryStream();
        var options = new JsonWriterOptions
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Indented = type.Options.WriteIndented,
        };
        using (var writer = new Utf8JsonWriter(text, options))
            JsonSerializer.Serialize(writer, value, type);
        return Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length));
    }
}
