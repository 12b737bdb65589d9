using System.Runtime.InteropServices;

namespace EbpfLb.Native;

/// <summary>What .NET does not tell about files.</summary>
static unsafe class Files
{
    const int CurrentDirectory = -100; // AT_FDCWD
    const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    const uint Uid = 0x8; // STATX_UID
    const int Size = 256, UidOffset = 20; // struct statx

    /// <summary>The user that a file belongs to; a symbolic link's own.</summary>
    public static uint OwnerOf(string path)
    {
        Span<byte> buffer = stackalloc byte[Size];
        fixed (byte* bytes = buffer)
            Check.MinusOneWithErrno(LibC.statx(CurrentDirectory, path, NoFollow, Uid, bytes), $"asking whose {path} is");
        return MemoryMarshal.Read<uint>(buffer[UidOffset..]);
    }
}
