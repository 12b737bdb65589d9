using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace EbpfLb;

/// <summary>JSON for a terminal or a script: nothing is escaped that only a web page would misread.</summary>
static class JsonText
{
    public static string Format<T>(T value, JsonTypeInfo<T> type) =>
        Write(writer => JsonSerializer.Serialize(writer, value, type), type.Options.WriteIndented);

    public static string Write(Action<Utf8JsonWriter> write, bool isIndented = false)
    {
        using var text = new MemoryStream();
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = isIndented };
        using (var writer = new Utf8JsonWriter(text, options))
            write(writer);
        return Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length));
    }
}
