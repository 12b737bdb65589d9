namespace EbpfLb.Abi;

/// <summary>
/// Mirror of <c>struct lb_socket_key</c>: slot 0 of a socket that connected to a service; the others, of UDP, of one that
/// sent to a service without connecting.
/// </summary>
/// <param name="Cookie">The socket's.</param>
readonly record struct LbSocketKey(ulong Cookie, uint Slot)
{
    /// <summary>The slot of a socket that connected.</summary>
    public const uint Connected = 0;

    readonly uint _zero;
}

/// <summary>
/// Mirror of <c>struct lb_socket</c>: an open socket that was given a backend. The source of both tuples is unspecified
/// until TCP connects, and stays so for UDP, except for a port that the socket is bound to.
/// </summary>
record struct LbSocket
{
    /// <summary>To the service, as the program asked for it.</summary>
    public LbTuple Client;

    /// <summary>To the backend, as the kernel connects it.</summary>
    public LbTuple Rewritten;

    /// <summary>Nanoseconds of CLOCK_MONOTONIC.</summary>
    public ulong OpenedNs;
    public ushort Service;
    public ushort Backend;
    readonly uint _zero;

    /// <summary>A flow without packets.</summary>
    public readonly LbFlow AsFlow() => new()
    {
        Rewritten = Rewritten,
        OpenedNs = OpenedNs,
        Seen = LbFlow.SeenAt(OpenedNs),
        Service = Service,
        Backend = Backend,
    };
}
