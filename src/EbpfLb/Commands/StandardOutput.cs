using System.Runtime.InteropServices;
using EbpfLb.Native;

namespace EbpfLb.Commands;

/// <summary>
/// A descriptor to write text to, as a rule the process's standard output. System.Console has one lock for both outputs:
/// there a reader of flows who stalls would silence the logs as well.
/// </summary>
sealed class StandardOutput : Stream
{
    const int Descriptor = 1;
    const short Writable = 4; // POLLOUT
    const int Forever = -1;

    readonly int _descriptor;

    StandardOutput(int descriptor) => _descriptor = descriptor;

    /// <summary>The process's own, for any thread; each call's text is written before it returns.</summary>
    public static TextWriter Writer { get; } = CreateWriter(Descriptor);

    public static TextWriter CreateWriter(int descriptor) =>
        TextWriter.Synchronized(new StreamWriter(new StandardOutput(descriptor)) { AutoFlush = true });

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Writes all of it, and waits for who is slow to read.</summary>
    /// <exception cref="OutputGoneException">Nobody reads it any more.</exception>
    /// <exception cref="IOException">It takes no more.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
            buffer = buffer[WriteSome(buffer)..];
    }

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
            case Errno.EAGAIN: // whoever gave it to us does not want to wait himself
                var descriptor = new LibC.PollDescriptor { Descriptor = _descriptor, Events = Writable };
                _ = LibC.poll(&descriptor, 1, Forever);
                return 0;
            case Errno.EPIPE:
                throw new OutputGoneException();
            case var errno:
                throw new IOException($"standard output could not be written: {Errno.Describe(errno)}.");
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}

/// <summary>Who read standard output has closed it, as <c>head</c> does when it has seen enough.</summary>
sealed class OutputGoneException() : IOException("nobody reads standard output any more.");
