namespace EbpfLb.Providers.Files;

/// <summary>A single file that is mounted by itself, as into a container.</summary>
static class MountedFile
{
    const string Mounts = "/proc/thread-self/mountinfo";
    const string Deleted = "//deleted"; // fs/d_path.c: ends the path of what was removed or replaced

    /// <summary>True if the file was replaced or removed where it is mounted from: this path keeps the old one.</summary>
    public static bool IsReplaced(string path) => IsReplaced(path, File.ReadLines(Mounts));

    /// <param name="path">The mount point.</param>
    /// <param name="mounts">Lines of mountinfo: id, parent, device, root in its file system, mount point, … (proc(5)).</param>
    public static bool IsReplaced(string path, IEnumerable<string> mounts)
    {
        var point = Path.GetFullPath(path).Replace(@"\", @"\134", StringComparison.Ordinal).Replace(" ", @"\040", StringComparison.Ordinal);
        return mounts.Select(line => line.Split(' ', 6)).Any(
            field => field is [_, _, _, var root, var at, ..] && at == point && root.EndsWith(Deleted, StringComparison.Ordinal));
    }
}
