namespace EbpfLb.Native;

/// <summary>File operations that .NET does not have.</summary>
static unsafe class Files
{
    const int CurrentDirectory = -100; // AT_FDCWD
    const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    const uint Uid = 0x8; // STATX_UID
    const uint Inode = 0x100; // STATX_INO
    const int Size = 256, UidOffset = 20, InodeOffset = 32; // struct statx
    const int DirectoryCloseOnExec = 0x80000; // O_RDONLY | O_CLOEXEC
    const int Exclusive = 2; // LOCK_EX

    public const long Cgroup2 = 0x63677270; // CGROUP2_SUPER_MAGIC, linux/magic.h
    public const long Bpf = 0xcafe4a11; // BPF_FS_MAGIC

    /// <summary>The user that a file belongs to; a symbolic link's own.</summary>
    public static uint OwnerOf(string path) => Stat<uint>(path, NoFollow, Uid, UidOffset, $"reading the owner of {path}");

    public static ulong InodeOf(string path) => Stat<ulong>(path, 0, Inode, InodeOffset, $"reading the inode of {path}");

    /// <summary>True if the path is on a file system of this type.</summary>
    public static bool IsOn(string path, long type)
    {
        const int Type = 0; // f_type
        return StatFs(path)?[Type] == type;
    }

    /// <summary>True if the path is on a file system, or below a mount, that is read-only.</summary>
    public static bool IsReadOnly(string path)
    {
        const int Flags = 10; // f_flags
        const long ReadOnly = 1; // ST_RDONLY
        return (StatFs(path)?[Flags] & ReadOnly) == ReadOnly;
    }

    /// <summary>struct statfs as the longs that it is on every 64-bit Linux, with room to spare; null if there is no such path.</summary>
    static long[]? StatFs(string path)
    {
        var statfs = new long[32];
        fixed (long* longs = statfs)
            return LibC.statfs(path, longs) == 0 ? statfs : null;
    }

    public static Fd OpenDirectory(string path) =>
        new(Check.MinusOneWithErrno(LibC.open(path, DirectoryCloseOnExec), $"opening {path}"));

    /// <summary>Waits for the exclusive lock of a directory (flock), and holds it until disposal.</summary>
    public static Fd LockDirectory(string path)
    {
        var directory = OpenDirectory(path);
        Check.MinusOneWithErrno(LibC.flock(directory.Number, Exclusive), $"locking {path}");
        return directory;
    }

    static T Stat<T>(string path, int flags, uint mask, int offset, string operation)
        where T : unmanaged
    {
        Span<byte> buffer = stackalloc byte[Size];
        fixed (byte* bytes = buffer)
            Check.MinusOneWithErrno(LibC.statx(CurrentDirectory, path, flags, mask, bytes), operation);
        return MemoryMarshal.Read<T>(buffer[offset..]);
    }
}
