using System.Buffers;
using System.Globalization;
using System.Text;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace EbpfLb.Lab.Engine;

/// <summary>
/// A shell that stays in a container and runs one command after the other: a command costs a write and a read, where an
/// exec of its own costs the engine a new process of its runtime.
/// </summary>
/// <remarks>
/// Each command runs in a process of its own, without input, so that nothing that it does to itself stays. The end of its
/// output is a mark on each stream, with the exit code on standard output. An empty line on standard output comes before the
/// command: without it the command has not begun. What a command leaves in the background must
/// not print: it would print into the output of a later command.
/// </remarks>
sealed class ContainerShell : IDisposable
{
    readonly MultiplexedStream _stream;
    readonly byte[] _buffer = new byte[65536];

    ContainerShell(MultiplexedStream stream) => _stream = stream;

    /// <exception cref="DockerApiException">The container does not run.</exception>
    public static async Task<ContainerShell> OpenAsync(IDockerClient docker, string container, CancellationToken cancellation)
    {
        var exec = await docker.Exec.CreateContainerExecAsync(container, new ContainerExecCreateParameters
        {
            AttachStdin = true,
            AttachStdout = true,
            AttachStderr = true,
            Cmd = ["sh"],
        }, cancellation);
        return new ContainerShell(await docker.Exec.StartContainerExecAsync(exec.ID, new(), cancellation));
    }

    /// <summary>Runs a command to its end. A shell whose command was cancelled can run no other.</summary>
    /// <returns>Its output; null if the shell ended before the command began: another shell may run it.</returns>
    /// <exception cref="LabException">The shell ended while the command ran, as it does with its container.</exception>
    public async Task<Output?> RunAsync(IReadOnlyList<string> command, CancellationToken cancellation)
    {
        var mark = $"{Guid.NewGuid():N}";
        var line = $"echo; {string.Join(' ', command.Select(Quoted))} </dev/null; printf '%s %d\\n' {mark} $?; printf '%s\\n' {mark} >&2\n";
        if (!await TryWriteAsync(Encoding.UTF8.GetBytes(line), cancellation))
            return null;

        var (stdout, stderr) = (new MarkedText(mark), new MarkedText(mark));
        while (!stdout.IsComplete || !stderr.IsComplete)
        {
            var read = await ReadAsync(cancellation);
            if (read.EOF)
                return stdout.HasBegun
                    ? throw new LabException($"'{string.Join(' ', command)}' did not end: its shell did before")
                    : null;
            var text = read.Target == MultiplexedStream.TargetStream.StandardError ? stderr : stdout;
            text.Append(_buffer.AsSpan(0, read.Count));
        }
        var exitCode = int.Parse(stdout.AfterMark, CultureInfo.InvariantCulture);
        return new Output(string.Join(' ', command), exitCode, stdout.BeforeMark[1..], stderr.BeforeMark);
    }

    public void Dispose() => _stream.Dispose();

    async Task<bool> TryWriteAsync(byte[] line, CancellationToken cancellation)
    {
        try
        {
            await _stream.WriteAsync(line, 0, line.Length, cancellation);
            return true;
        }
        catch (IOException)
        {
            return false; // nobody reads there any more
        }
    }

    /// <summary>Reads a part of the output. A connection that is reset has ended.</summary>
    async Task<MultiplexedStream.ReadResult> ReadAsync(CancellationToken cancellation)
    {
        try
        {
            return await _stream.ReadOutputAsync(_buffer, 0, _buffer.Length, cancellation);
        }
        catch (IOException)
        {
            return default; // nothing read: the end
        }
    }

    static string Quoted(string word) => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>What came on one stream, until the line that begins with the mark.</summary>
    sealed class MarkedText(string mark)
    {
        readonly ArrayBufferWriter<byte> _bytes = new();
        readonly byte[] _mark = Encoding.ASCII.GetBytes(mark);
        int _from = -1;

        public bool IsComplete { get; private set; }

        public bool HasBegun => Bytes.Length > 0;

        public string BeforeMark => Encoding.UTF8.GetString(Bytes[.._from]);

        public string AfterMark => Encoding.UTF8.GetString(Bytes[(_from + _mark.Length)..]);

        ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

        public void Append(ReadOnlySpan<byte> bytes)
        {
            var unseen = Math.Max(0, Bytes.Length - _mark.Length);
            _bytes.Write(bytes);
            if (_from < 0 && Bytes[unseen..].IndexOf(_mark) is var found and >= 0)
                _from = unseen + found;
            IsComplete = _from >= 0 && Bytes[^1] == '\n';
        }
    }
}
