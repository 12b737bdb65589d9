using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace EbpfLb.Mutants;

/// <summary>The faults of tests/mutants/*.yaml.</summary>
static class FaultLists
{
    /// <summary>Reads all lists, in the order of their names.</summary>
    /// <param name="root">The repository's.</param>
    /// <exception cref="InvalidDataException">A fault is incomplete, or two have one name.</exception>
    public static IReadOnlyList<Fault> Read(string root)
    {
        var deserializer = new DeserializerBuilder().WithNamingConvention(HyphenatedNamingConvention.Instance).Build();
        var faults = new List<Fault>();
        foreach (var path in Directory.GetFiles(Path.Combine(root, "tests/mutants"), "*.yaml").Order(StringComparer.Ordinal))
        {
            foreach (var fault in deserializer.Deserialize<List<Fault>>(File.ReadAllText(path)))
            {
                if (new[] { fault.Name, fault.File, fault.What, fault.Find }.Any(string.IsNullOrWhiteSpace) || fault.Tests.Count == 0)
                    throw new InvalidDataException($"{Path.GetFileName(path)}: fault '{fault.Name}' lacks a name, file, what, find or tests");
                if (faults.Any(other => other.Name == fault.Name))
                    throw new InvalidDataException($"{Path.GetFileName(path)}: two faults are named '{fault.Name}'");
                faults.Add(fault);
            }
        }
        return faults;
    }
}
