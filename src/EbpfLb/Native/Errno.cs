namespace EbpfLb.Native;

/// <summary>Error numbers that this project handles (asm-generic/errno.h), and their descriptions.</summary>
static class Errno
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int E2BIG = 7;
    public const int EAGAIN = 11;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EBUSY = 16;
    public const int EEXIST = 17;
    public const int ENODEV = 19;
    public const int EINVAL = 22;
    public const int ENOSPC = 28;
    public const int EROFS = 30;
    public const int EPIPE = 32;
    public const int EOPNOTSUPP = 95;

    /// <summary>Internal to the kernel (linux/errno.h): this kind of object does not support the operation.</summary>
    public const int ENOTSUPP = 524;

    /// <summary>The number's name and the system's text for it: <c>EPERM, Operation not permitted</c>.</summary>
    public static string Describe(int errno) => $"{Name(errno)}, {Marshal.GetPInvokeErrorMessage(errno)}";

    /// <summary>The number's name; for one that the C library does not know, <c>errno 524</c>.</summary>
    public static string Name(int errno) =>
        LibC.strerrorname_np(errno) is { Length: > 0 } known ? known : $"errno {errno}";
}
