using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>The bpf file system, which holds the pins.</summary>
static class BpfFs
{
    public const string Root = "/sys/fs/bpf";

    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static bool IsMounted => Files.IsOn(Root, Files.Bpf);

    /// <summary>True if nothing can be pinned there.</summary>
    public static bool IsReadOnly => Files.IsReadOnly(Root);

    /// <summary>Mounts the file system if it is missing.</summary>
    /// <returns>True if it was mounted now.</returns>
    /// <exception cref="LoadBalancerException">It is missing and this process may not mount it.</exception>
    public static bool Ensure()
    {
        if (IsMounted)
            return false;
        if (LibC.mount("bpf", Root, "bpf", 0, "mode=0700") == 0) // the kernel's default lets everybody in
            return true;
        throw new LoadBalancerException(
            $"{Root} is not a bpf file system, and mounting one failed: {Errno.Describe(Marshal.GetLastPInvokeError())}. "
            + $"Mount it (`mount -t bpf bpffs {Root}`), or give the container a volume of type bpf there.");
    }

    /// <summary>Waits for this lock, and holds it until disposal or the process's end. Not recursive.</summary>
    public static Fd Lock() => Files.LockDirectory(Root);

    /// <summary>Creates a directory and its parents.</summary>
    /// <exception cref="LoadBalancerException">This process may not write there, or one is another user's.</exception>
    public static void CreateDirectory(string path)
    {
        const int attempts = 10;
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    Directory.CreateDirectory(path, OwnerOnly);
                    RejectForeign(path);
                    return;
                }
                catch (DirectoryNotFoundException) when (attempt < attempts)
                {
                    // Another process ended just now and removed an empty parent.
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new LoadBalancerException(
                $"no pins can be made below {Root}: {error.Message.TrimEnd('.')}. {Remedies.Pins}", error);
        }
    }

    /// <summary>Everybody may make directories in a bpf file system that was mounted without a mode.</summary>
    static void RejectForeign(string path)
    {
        const uint RootUser = 0;
        for (var directory = path; directory != Root; directory = Path.GetDirectoryName(directory)!)
        {
            var owner = Files.OwnerOf(directory);
            if (owner != RootUser && owner != LibC.geteuid())
                throw new LoadBalancerException(
                    $"no pins are made in {directory}: it belongs to user {owner}, who could remove them. Remove that directory, "
                    + $"and mount {Root} with mode=0700.");
        }
    }
}
