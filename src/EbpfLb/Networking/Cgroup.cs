using EbpfLb.Native;

namespace EbpfLb.Networking;

/// <summary>A directory of cgroup v2.</summary>
static class Cgroup
{
    const string Remedy = "Name one of cgroup v2, below the mount of type cgroup2 that `findmnt -t cgroup2` lists";

    /// <summary>The cgroup's id, which the kernel gives to no other until the next boot; null if there is no such directory.</summary>
    /// <exception cref="LoadBalancerException">It is another file system's.</exception>
    public static ulong? FindId(string path)
    {
        if (!Directory.Exists(path))
            return null;
        return Files.IsOn(path, Files.Cgroup2)
            ? Files.InodeOf(path)
            : throw new LoadBalancerException($"{path} is no cgroup v2 directory. {Remedy}.");
    }

    /// <summary>Opens it, for programs to be attached to.</summary>
    public static Fd Open(string path) => Files.OpenDirectory(path);
}
