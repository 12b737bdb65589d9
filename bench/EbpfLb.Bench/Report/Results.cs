using System.Text.Encodings.Web;
using System.Text.Json;

namespace EbpfLb.Bench.Report;

/// <summary>What every part found when it was last run, in one JSON file.</summary>
sealed class Results
{
    static readonly JsonSerializerOptions Format = new(JsonSerializerOptions.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // no browser reads it as HTML
    };

    readonly List<PartResult> _parts;

    Results(List<PartResult> parts) => _parts = parts;

    public IReadOnlyList<PartResult> Parts => _parts;

    /// <summary>Reads what former runs found, where there is something.</summary>
    public static Results Read(string file) => new(File.Exists(file)
        ? JsonSerializer.Deserialize<List<PartResult>>(File.ReadAllText(file), Format)!
        : []);

    /// <summary>Takes a part's new result in place of its former one.</summary>
    /// <param name="order">Of the parts, by their names.</param>
    public void Take(PartResult result, string[] order)
    {
        _parts.RemoveAll(part => part.Name == result.Name);
        _parts.Add(result);
        _parts.Sort((one, other) => Array.IndexOf(order, one.Name).CompareTo(Array.IndexOf(order, other.Name)));
    }

    public void Write(string file) => File.WriteAllText(file, JsonSerializer.Serialize(_parts, Format) + "\n");
}
