namespace EbpfLb.Health.Tunnels;

/// <summary>
/// A TCP connection through a tunnel, enough for a check: one segment at a time, in order. The kernel's own TCP cannot open
/// it, since the service's address may be this machine's. Not thread-safe.
/// </summary>
sealed class TunnelStream : Stream
{
    const int MaxSegmentSize = 536; // RFC 9293, 3.7.1: fits every tunnel
    static readonly TimeSpan FirstRetransmission = TimeSpan.FromMilliseconds(200);

    readonly ITunnelPath _path;
    readonly IPEndPoint _remote;
    readonly TimeProvider _time;
    uint _next, _acknowledged, _expected;
    ReadOnlyMemory<byte> _unread;
    Task<TcpSegment>? _arriving;
    bool _isOpen, _isEnded, _isDisposed;

    TunnelStream(ITunnelPath path, IPEndPoint remote, TimeProvider time)
    {
        (_path, _remote, _time) = (path, remote, time);
        _next = _acknowledged = (uint)Random.Shared.NextInt64(1L << 32);
    }

    /// <summary>Opens a connection; SYNs are repeated until it is cancelled. It owns the path, also if that fails.</summary>
    /// <exception cref="SocketException">It was refused, or a packet could not be sent.</exception>
    public static async ValueTask<TunnelStream> ConnectAsync(
        ITunnelPath path, IPEndPoint remote, TimeProvider time, CancellationToken cancellation)
    {
        var stream = new TunnelStream(path, remote, time);
        try
        {
            await stream.SendAsync(TcpFlags.Syn, default, cancellation);
            await stream.SendOnceAsync(TcpFlags.Ack, stream._next, default, cancellation);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_unread.IsEmpty && !_isEnded)
            await ReceiveAsync(cancellationToken);
        var read = Math.Min(buffer.Length, _unread.Length);
        _unread[..read].CopyTo(buffer);
        _unread = _unread[read..];
        return read;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        for (; !buffer.IsEmpty; buffer = buffer[Math.Min(buffer.Length, MaxSegmentSize)..])
            await SendAsync(TcpFlags.Ack | TcpFlags.Psh, buffer[..Math.Min(buffer.Length, MaxSegmentSize)], cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Resets the connection, so that the backend keeps nothing of it. Sending one packet does not wait.</summary>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (_isDisposed)
            return;
        _isDisposed = true;
        try
        {
            if (_isOpen)
                SendOnceAsync(TcpFlags.Rst | TcpFlags.Ack, _next, default, default).AsTask().GetAwaiter().GetResult();
        }
        catch (SocketException)
        {
            // the backend's own timeout ends the connection
        }
        finally
        {
            _path.Dispose();
        }
    }

    /// <summary>Sends a segment again and again until it is acknowledged.</summary>
    async ValueTask SendAsync(TcpFlags flags, ReadOnlyMemory<byte> data, CancellationToken cancellation)
    {
        var first = _next;
        _next += (uint)data.Length + (flags.HasFlag(TcpFlags.Syn) ? 1u : 0);
        for (var wait = FirstRetransmission; ; wait *= 2)
        {
            await SendOnceAsync(flags, first, data, cancellation);
            var timeout = Task.Delay(wait, _time, cancellation);
            while (_acknowledged != _next)
            {
                _arriving ??= _path.ReceiveAsync(cancellation).AsTask();
                if (await Task.WhenAny(_arriving, timeout) != _arriving)
                    break;
                await ReceiveAsync(cancellation);
            }
            if (_acknowledged == _next)
                return;
            await timeout;
        }
    }

    ValueTask SendOnceAsync(TcpFlags flags, uint sequence, ReadOnlyMemory<byte> data, CancellationToken cancellation) =>
        _path.SendAsync(new(_path.Local, _remote, sequence, flags.HasFlag(TcpFlags.Ack) ? _expected : 0, flags, data), cancellation);

    /// <summary>Waits for a segment, and handles it.</summary>
    async ValueTask ReceiveAsync(CancellationToken cancellation)
    {
        var segment = await (_arriving ?? _path.ReceiveAsync(cancellation).AsTask());
        _arriving = null;
        if (!segment.From.Equals(_remote) || !Accept(segment))
            return;
        if (segment.Flags.HasFlag(TcpFlags.Rst))
        {
            var code = _isOpen ? SocketError.ConnectionReset : SocketError.ConnectionRefused;
            _isOpen = false;
            throw new SocketException((int)code);
        }
        var wasOpen = _isOpen;
        _isOpen = true;
        _acknowledged = segment.Acknowledged;
        if (!wasOpen)
            _expected = segment.Sequence + 1;
        if (Take(segment) && wasOpen)
            await SendOnceAsync(TcpFlags.Ack, _next, default, cancellation);
    }

    /// <summary>True for a segment of this connection (RFC 9293, 3.10.7.3 and 3.10.7.4; RFC 5961, 3.2).</summary>
    bool Accept(TcpSegment segment)
    {
        var isAcknowledging = segment.Flags.HasFlag(TcpFlags.Ack)
            && segment.Acknowledged - _acknowledged <= _next - _acknowledged;
        return _isOpen
            ? segment.Flags.HasFlag(TcpFlags.Rst) ? segment.Sequence == _expected : isAcknowledging
            : isAcknowledging && segment.Acknowledged == _next && (segment.Flags & (TcpFlags.Syn | TcpFlags.Rst)) != 0;
    }

    /// <summary>Takes what is new of a segment's data. Returns true if the segment has to be acknowledged.</summary>
    bool Take(TcpSegment segment)
    {
        var isSyn = segment.Flags.HasFlag(TcpFlags.Syn);
        var known = _expected - (segment.Sequence + (isSyn ? 1u : 0));
        if (known <= segment.Data.Length && !_isEnded)
        {
            var added = segment.Data[(int)known..];
            _unread = _unread.IsEmpty ? added : (byte[])[.. _unread.Span, .. added.Span];
            _isEnded = segment.Flags.HasFlag(TcpFlags.Fin);
            _expected += (uint)added.Length + (_isEnded ? 1u : 0);
        }
        return isSyn || !segment.Data.IsEmpty || segment.Flags.HasFlag(TcpFlags.Fin);
    }
}
