using System.Runtime.InteropServices.Marshalling;

namespace EbpfLb.Native;

/// <summary>The few calls of the C library that .NET does not offer.</summary>
static unsafe partial class LibC
{
    const string Library = "libc";

    [LibraryImport(Library, SetLastError = true)]
    public static partial int close(int fd);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int open(string path, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int flock(int fd, int operation);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int fcntl(int fd, int command, int argument);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int mount(string source, string target, string type, nuint flags, string? data);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int statfs(string path, void* buffer);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int statx(int directory, string path, int flags, uint mask, void* buffer);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial uint if_nametoindex(string name);

    /// <summary>Writes the name, of at most 16 bytes with its terminating zero; null if there is no such interface.</summary>
    [LibraryImport(Library)]
    public static partial byte* if_indextoname(uint index, byte* name);

    [LibraryImport(Library)]
    public static partial uint geteuid();

    [LibraryImport(Library, SetLastError = true)]
    public static partial int socket(int family, int type, int protocol);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int ioctl(int fd, nuint request, void* argument);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint send(int fd, void* buffer, nuint length, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint recv(int fd, void* buffer, nuint length, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint write(int fd, byte* buffer, nuint length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    /// <summary>A number's symbolic name; null, here empty, for one that the C library does not know (glibc 2.32).</summary>
    [LibraryImport(Library)]
    [return: MarshalUsing(typeof(StaticString))]
    public static partial string strerrorname_np(int errno);

    /// <summary>Formats into memory that the caller frees with <see cref="NativeMemory.Free"/>; -1 if there is none.</summary>
    [LibraryImport(Library)]
    public static partial int vasprintf(byte** text, byte* format, nint arguments);

    /// <summary><c>struct pollfd</c>.</summary>
    public struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Happened;
    }
}
