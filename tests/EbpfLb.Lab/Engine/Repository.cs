namespace EbpfLb.Lab.Engine;

/// <summary>The working tree that this was built in.</summary>
static class Repository
{
    /// <summary>Its uppermost directory.</summary>
    public static string Root { get; } = Find();

    static string Find()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "EbpfLb.sln")))
            directory = directory.Parent ?? throw new LabException("The tests do not run inside the repository");
        return directory.FullName;
    }
}
