namespace EbpfLb.Health.Tunnels;

/// <summary>The balancer could not open a socket of its own for a check through a tunnel: nothing is learned of the backend.</summary>
sealed class TunnelSocketException : Exception
{
    public TunnelSocketException(string message)
        : base(message)
    {
    }

    /// <param name="cause">What the kernel said.</param>
    public TunnelSocketException(Exception cause)
        : base($"opening a socket for checks through a tunnel failed ({cause.Message.TrimEnd('.')}). They need CAP_NET_RAW, and packet "
            + "sockets (AF_PACKET) where these are restricted.", cause)
    {
    }
}
