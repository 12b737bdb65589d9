using Microsoft.Win32.SafeHandles;

namespace EbpfLb.Native;

/// <summary>An owned file descriptor of a map, a program or a link.</summary>
sealed class Fd : SafeHandleMinusOneIsInvalid
{
    const int DuplicateCloseOnExec = 1030; // F_DUPFD_CLOEXEC, fcntl.h

    public Fd(int fd)
        : base(ownsHandle: true) => SetHandle(fd);

    /// <summary>The number, for native calls; valid while this object lives.</summary>
    public int Number => IsClosed ? throw new ObjectDisposedException(nameof(Fd)) : (int)handle;

    /// <summary>Duplicates a library's descriptor, so that it outlives the library's object.</summary>
    public static Fd Duplicate(int fd, string what) =>
        new(Check.MinusOneWithErrno(LibC.fcntl(fd, DuplicateCloseOnExec, 0), $"duplicating the descriptor of {what}"));

    /// <exception cref="PinException">There is none, or this process may not open it.</exception>
    public static Fd OpenPin(string path) => TryOpenPin(path) ?? throw new PinException(path, Errno.ENOENT);

    /// <summary>Opens a pin; null if there is none.</summary>
    /// <exception cref="PinException">This process may not open it.</exception>
    public static Fd? TryOpenPin(string path)
    {
        var result = LibBpf.bpf_obj_get(path);
        return result >= 0 ? new(result) : result == -Errno.ENOENT ? null : throw new PinException(path, -result);
    }

    public void Pin(string path) => Check.NegativeErrno(LibBpf.bpf_obj_pin(Number, path), $"pinning {path}");

    protected override bool ReleaseHandle() => LibC.close((int)handle) == 0;
}
