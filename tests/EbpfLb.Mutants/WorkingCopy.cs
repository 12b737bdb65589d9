using System.Text.RegularExpressions;

namespace EbpfLb.Mutants;

/// <summary>
/// A copy of the repository as it stands in the worktree, in artifacts/mutants/tree-N: faults are put into copies alone.
/// It stays between runs, so that builds are incremental.
/// </summary>
sealed class WorkingCopy(string repository, int number)
{
    public string Root { get; } = Path.Combine(repository, $"artifacts/mutants/tree-{number}");

    /// <summary>Makes the copy what the worktree is, and touches no file that is the same already.</summary>
    public void Refresh()
    {
        Directory.CreateDirectory(Root);
        string[] wanted = [.. ListFiles().Where(file => File.Exists(Path.Combine(repository, file)))];
        foreach (var file in wanted)
            CopyIfChanged(Path.Combine(repository, file), Path.Combine(Root, file));
        var known = wanted.ToHashSet();
        foreach (var path in Directory.GetFiles(Root, "*", SearchOption.AllDirectories))
        {
            var file = Path.GetRelativePath(Root, path);
            if (!known.Contains(file) && !IsBuilt(file))
                File.Delete(path);
        }
    }

    /// <summary>Puts a fault in; disposing takes it out again.</summary>
    /// <exception cref="InvalidDataException">The text does not stand in the file exactly once.</exception>
    public IDisposable Put(Fault fault)
    {
        var path = Path.Combine(Root, fault.File);
        var (original, changed) = Change(fault);
        File.WriteAllText(path, changed);
        return new Restoration(path, original);
    }

    /// <summary>The file's text without and with the fault.</summary>
    /// <exception cref="InvalidDataException">The text does not stand in the file exactly once.</exception>
    (string Original, string Changed) Change(Fault fault)
    {
        var path = Path.Combine(Root, fault.File);
        if (!File.Exists(path))
            throw new InvalidDataException($"fault '{fault.Name}': there is no {fault.File}. Name the file that has the code now.");
        var original = File.ReadAllText(path);
        var words = fault.Find.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(Regex.Escape);
        var found = Regex.Matches(original, string.Join(@"\s+", words));
        if (found.Count != 1)
        {
            throw new InvalidDataException($"fault '{fault.Name}': its text stands {found.Count} times in {fault.File}, and must "
                + $"stand there once. Adapt `find` and `put` to what the code says now:\n{fault.Find}");
        }
        return (original, original[..found[0].Index] + fault.Put.Trim() + original[(found[0].Index + found[0].Length)..]);
    }

    /// <summary>Why a fault cannot be put in; null where it can.</summary>
    public string? MisfitOf(Fault fault)
    {
        try
        {
            Change(fault);
            return null;
        }
        catch (InvalidDataException misfit)
        {
            return misfit.Message;
        }
    }

    string[] ListFiles() => Command.Read(repository, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        .Split('\0', StringSplitOptions.RemoveEmptyEntries);

    static bool IsBuilt(string file) => file.Split('/').Any(part => part is "bin" or "obj" or "artifacts");

    static void CopyIfChanged(string from, string to)
    {
        if (File.Exists(to) && File.ReadAllBytes(from).AsSpan().SequenceEqual(File.ReadAllBytes(to)))
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to, overwrite: true);
        File.SetLastWriteTimeUtc(to, DateTime.UtcNow); // newer than what was built of the former one
    }

    sealed class Restoration(string path, string original) : IDisposable
    {
        public void Dispose() => File.WriteAllText(path, original);
    }
}
