using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace EbpfLb.Unit.Sockets;

/// <summary>A cgroup v2 directory of the test's own.</summary>
sealed class TestCgroup : IDisposable
{
    const string Processes = "cgroup.procs";

    static readonly string? Mount = FindMount();

    TestCgroup(string path) => Path = path;

    public string Path { get; }

    /// <summary>Makes one; skips the test where this process may not.</summary>
    public static TestCgroup Create()
    {
        var cgroup = new TestCgroup(NewPath());
        cgroup.Make();
        return cgroup;
    }

    /// <summary>The path of one that does not exist.</summary>
    public static string NewPath()
    {
        Assert.SkipUnless(Mount is not null, "no cgroup v2 is mounted for writing");
        return System.IO.Path.Combine(Mount, $"ebpf-lb.test-{Guid.NewGuid():N}");
    }

    /// <summary>Makes it again after <see cref="Remove()"/>.</summary>
    public void Make() => Directory.CreateDirectory(Path);

    /// <summary>Removes it, and those inside; no process is in them.</summary>
    public void Remove()
    {
        if (Directory.Exists(Path))
            Remove(Path);
    }

    /// <summary>
    /// Makes a socket in it. A socket's cgroup is that of its maker: this process is in the cgroup meanwhile, with the other
    /// tests, whose sockets connect to no service of this one's. No child is started meanwhile: it would stay.
    /// </summary>
    /// <param name="inside">The name of a cgroup inside it, which is made; null for itself.</param>
    public Socket Open(AddressFamily family, SocketType type, ProtocolType protocol, string? inside = null)
    {
        var path = inside is null ? Path : Directory.CreateDirectory(System.IO.Path.Combine(Path, inside)).FullName;
        return ChildProcess.WithoutChildren(() =>
        {
            var home = Mount + OwnCgroup().TrimEnd('/');
            Enter(path);
            try
            {
                return new Socket(family, type, protocol);
            }
            finally
            {
                Enter(home);
            }
        });
    }

    public void Dispose() => Remove();

    static void Enter(string path) =>
        File.WriteAllText(System.IO.Path.Combine(path, Processes), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));

    static void Remove(string path)
    {
        foreach (var inner in Directory.GetDirectories(path))
            Remove(inner);
        // The files in it are the kernel's: rmdir alone.
        using var rmdir = ChildProcess.Start(new ProcessStartInfo("rmdir", [path]));
        rmdir.WaitForExit();
        Assert.Equal(0, rmdir.ExitCode);
    }

    /// <summary>As the hierarchy's root sees it.</summary>
    static string OwnCgroup() => File.ReadLines("/proc/self/cgroup")
        .First(line => line.StartsWith("0::", StringComparison.Ordinal))["0::".Length..];

    /// <summary>Where the hierarchy is mounted from its root; null if nowhere, or if this process may not write there.</summary>
    static string? FindMount() => File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' '))
        .Where(fields => fields[3] == "/" && fields.SkipWhile(field => field != "-").ElementAt(1) == "cgroup2").Select(fields => fields[4])
        .FirstOrDefault(IsWritable);

    static bool IsWritable(string mount)
    {
        var path = System.IO.Path.Combine(mount, $"ebpf-lb.test-{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(path);
            Remove(path);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
