using System.Globalization;

namespace EbpfLb.Unit.Kernels;

/// <summary>The tables of the decision record that says which Linux each object and each of its means needs.</summary>
static class KernelRecord
{
    /// <summary>By object: the oldest Linux that loads it.</summary>
    public static IReadOnlyDictionary<string, Version> Objects { get; } =
        Rows("Object").ToDictionary(row => row[0].Trim('`'), row => Version.Parse(row[1]));

    /// <summary>By number (linux/bpf.h): the helper's name, and the first Linux that has it.</summary>
    public static IReadOnlyDictionary<int, (string Name, Version Since)> Helpers { get; } = Numbered("Helper");

    /// <summary>By number (linux/bpf.h): the map type's name, and the first Linux that has it.</summary>
    public static IReadOnlyDictionary<int, (string Name, Version Since)> MapTypes { get; } = Numbered("Map type");

    /// <summary>By name: the first Linux that has the instruction, or the kernel function.</summary>
    public static IReadOnlyDictionary<string, Version> Others { get; } =
        Rows("Instruction or kernel function").ToDictionary(row => row[0].Trim('`'), row => Version.Parse(row[1]));

    static Dictionary<int, (string Name, Version Since)> Numbered(string heading) => Rows(heading).ToDictionary(
        row => int.Parse(row[1], CultureInfo.InvariantCulture), row => (row[0].Trim('`'), Version.Parse(row[2])));

    /// <summary>The cells of the table whose first column has that heading.</summary>
    static IEnumerable<string[]> Rows(string heading)
    {
        using var stream = typeof(KernelRecord).Assembly.GetManifestResourceStream("kernels.md")!;
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n')
            .SkipWhile(line => !line.StartsWith($"| {heading} |", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries))];
    }
}
