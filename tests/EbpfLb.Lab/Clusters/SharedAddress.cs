using System.Net;
using System.Net.Sockets;

namespace EbpfLb.Lab.Clusters;

/// <summary>The address that the balancers of a cluster share, in the family that is spoken at present.</summary>
public sealed class SharedAddress
{
    readonly Addresses _addresses;
    readonly Func<Family> _family;

    internal SharedAddress(Addresses addresses, Func<Family> family) => (_addresses, _family) = (addresses, family);

    public IPAddress Address => _addresses[_family()];

    /// <summary>The same as a part of URLs and the like, which have IPv6 in brackets.</summary>
    internal string Host => Address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{Address}]" : $"{Address}";

    internal Addresses Addresses => _addresses;
}
