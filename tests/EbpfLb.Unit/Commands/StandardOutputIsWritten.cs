using System.IO.Pipes;
using EbpfLb.Commands;
using EbpfLb.Native;
using Microsoft.Win32.SafeHandles;

namespace EbpfLb.Unit.Commands;

/// <summary>What is written comes whole and in order, however slowly it is read; what cannot be is told.</summary>
public sealed class StandardOutputIsWritten
{
    const int SetFlags = 4; // F_SETFL
    const int NonBlocking = 0x800; // O_NONBLOCK

    [Theory, InlineData(0), InlineData(NonBlocking)]
    public async Task More_than_a_pipe_has_room_for(int flags)
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        var descriptor = Descriptor(pipe.ClientSafePipeHandle);
        Assert.Equal(0, LibC.fcntl(descriptor, SetFlags, flags));
        var text = string.Concat(Enumerable.Range(0, 40_000).Select(i => $"line {i}\n"));

        var write = Task.Run(
            () =>
            {
                StandardOutput.CreateWriter(descriptor).Write(text);
                pipe.DisposeLocalCopyOfClientHandle();
            },
            TestContext.Current.CancellationToken);

        using var reader = new StreamReader(pipe);
        Assert.Equal(text, await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
        await write;
    }

    [Fact]
    public void A_full_disk_is_an_error_in_a_sentence()
    {
        using var full = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write);

        var fault = Assert.Throws<IOException>(() => StandardOutput.CreateWriter(Descriptor(full)).WriteLine("ready"));

        Assert.Equal("standard output could not be written: ENOSPC, No space left on device.", fault.Message);
    }

    [Fact]
    public void A_reader_that_went_away_has_an_exception_of_its_own()
    {
        var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        using var end = pipe.ClientSafePipeHandle;
        var writer = StandardOutput.CreateWriter(Descriptor(end));
        writer.WriteLine("first");
        // The end that reads, and not the one that it would dispose of as well.
        pipe.SafePipeHandle.Dispose();

        Assert.Throws<OutputGoneException>(() => writer.WriteLine("second"));
    }

    static int Descriptor(SafePipeHandle handle) => (int)handle.DangerousGetHandle();

    static int Descriptor(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
}
