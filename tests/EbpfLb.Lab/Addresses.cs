using System.Net;

namespace EbpfLb.Lab;

/// <summary>A role's addresses in the lab's network, as the engine tells them.</summary>
/// <param name="V6">None where the engine gives no IPv6.</param>
sealed record Addresses(IPAddress V4, IPAddress? V6)
{
    public static Addresses None { get; } = new(IPAddress.None, null);

    /// <summary>A port at each of them.</summary>
    public IEnumerable<IPEndPoint> At(int port) => new[] { V4, V6 }.OfType<IPAddress>()
        .Select(address => new IPEndPoint(address, port));

    /// <exception cref="LabException">There is none of this family.</exception>
    public IPAddress this[Family family] => family switch
    {
        Family.IPv4 => V4,
        _ => V6 ?? throw new LabException($"{V4} has no IPv6 address beside it"),
    };
}
