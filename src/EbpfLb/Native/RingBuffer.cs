namespace EbpfLb.Native;

/// <summary>The reading end of a ring buffer.</summary>
sealed unsafe class RingBuffer : SafeHandle
{
    readonly GCHandle _self;
    readonly SampleHandler _handler;
    Exception? _fault;
    int _left;

    public RingBuffer(Fd map, SampleHandler handler)
        : base(0, ownsHandle: true)
    {
        _handler = handler;
        _self = GCHandle.Alloc(this);
        SetHandle(LibBpf.ring_buffer__new(map.Number, &OnSample, GCHandle.ToIntPtr(_self), null));
        if (IsInvalid)
        {
            var errno = Marshal.GetLastPInvokeError();
            _self.Free();
            throw new NativeException("opening the ring buffer of events", errno);
        }
    }

    /// <summary>Called for each sample, whose bytes are valid during the call only.</summary>
    public delegate void SampleHandler(ReadOnlySpan<byte> sample);

    public override bool IsInvalid => handle == 0;

    /// <summary>Handles available samples without blocking, at most <paramref name="max"/>.</summary>
    /// <returns>The number of samples.</returns>
    public int Drain(int max = int.MaxValue)
    {
        _left = max;
        var result = LibBpf.ring_buffer__consume(handle);
        if (_fault is { } error)
            throw new InvalidOperationException("the reader of events failed", error);
        if (result == -Errno.EAGAIN && _left == 0)
            return max;
        return Check.NegativeErrno(result, "reading the ring buffer of events");
    }

    protected override bool ReleaseHandle()
    {
        LibBpf.ring_buffer__free(handle);
        _self.Free();
        return true;
    }

    [UnmanagedCallersOnly]
    static int OnSample(nint context, void* data, nuint size)
    {
        var self = (RingBuffer)GCHandle.FromIntPtr(context).Target!;
        // An exception must not cross libbpf's frames: it ends the read, which rethrows it.
        try
        {
            self._handler(new ReadOnlySpan<byte>(data, (int)size));
            return --self._left == 0 ? -Errno.EAGAIN : 0; // the sample is consumed; libbpf stops here
        }
        catch (Exception error)
        {
            self._fault = error;
            return -Errno.EINVAL;
        }
    }
}
