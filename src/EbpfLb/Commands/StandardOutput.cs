using EbpfLb.Native;

namespace EbpfLb.Commands;

/// <summary>
/// A file descriptor as a text output, by default standard output. System.Console has one lock for both outputs: a
/// stalled reader of flow events would block the log as well.
/// </summary>
sealed class StandardOutput : TextWriter
{
    const int Descriptor = 1;
    const short Writable = 4; // POLLOUT
    const int Forever = -1;

    readonly int _descriptor;

    StandardOutput(int descriptor) => _descriptor = descriptor;

    /// <summary>Standard output, for any thread. Each call's text is written before it returns.</summary>
    public static TextWriter Writer { get; } = CreateWriter(Descriptor);

    public override Encoding Encoding => Encoding.UTF8;

    public static TextWriter CreateWriter(int descriptor) => Synchronized(new StandardOutput(descriptor));

    public override void Write(char value) => Write($"{value}");

    public override void WriteLine(string? value) => Write(value + NewLine);

    /// <summary>Writes everything; blocks while the reader is slow.</summary>
    /// <exception cref="OutputGoneException">The reader has closed it.</exception>
    /// <exception cref="IOException">The descriptor cannot be written.</exception>
    public override void Write(string? value)
    {
        for (ReadOnlySpan<byte> left = Encoding.UTF8.GetBytes(value ?? ""); !left.IsEmpty;)
            left = left[WriteSome(left)..];
    }

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    unsafe int WriteSome(ReadOnlySpan<byte> buffer)
    {
        nint written;
        fixed (byte* start = buffer)
            written = LibC.write(_descriptor, start, (nuint)buffer.Length);
        if (written >= 0)
            return (int)written;
        switch (Marshal.GetLastPInvokeError())
        {
            case Errno.EINTR:
                return 0;
            case Errno.EAGAIN: // the descriptor is non-blocking
                var descriptor = new LibC.PollDescriptor { Descriptor = _descriptor, Events = Writable };
                _ = LibC.poll(&descriptor, 1, Forever);
                return 0;
            case Errno.EPIPE:
                throw new OutputGoneException();
            case var errno:
                throw new IOException($"standard output could not be written: {Errno.Describe(errno)}.");
        }
    }
}

/// <summary>The reader has closed standard output, as <c>head</c> does.</summary>
sealed class OutputGoneException() : IOException("standard output is closed.");
