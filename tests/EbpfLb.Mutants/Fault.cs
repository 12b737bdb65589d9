using YamlDotNet.Serialization;

namespace EbpfLb.Mutants;

/// <summary>A fault that is put into the code to see whether a test notices it.</summary>
sealed class Fault
{
    /// <summary>Its name in the lists: lower case, with hyphens.</summary>
    public string Name { get; set; } = "";

    /// <summary>The file that it is put into, from the repository's root.</summary>
    public string File { get; set; } = "";

    /// <summary>What goes wrong with it, in one sentence.</summary>
    public string What { get; set; } = "";

    /// <summary>Text that stands in the file exactly once; indentation and line ends count as one blank.</summary>
    public string Find { get; set; } = "";

    /// <summary>What takes its place.</summary>
    public string Put { get; set; } = "";

    /// <summary>The classes of unit tests that are the nearest to it; they run first.</summary>
    public List<string> Tests { get; set; } = [];

    /// <summary>The classes of E2E specs that run last, where E2E specs are asked for.</summary>
    public List<string> Specs { get; set; } = [];

    /// <summary>Why no test can notice it; null where one must.</summary>
    public string? Equivalent { get; set; }

    /// <summary>Whether it is in the programs that run in the kernel.</summary>
    [YamlIgnore]
    public bool IsOfDatapath => File.StartsWith("bpf/", StringComparison.Ordinal);
}
