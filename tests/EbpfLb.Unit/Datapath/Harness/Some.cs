using System.Net;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Values that a case needs but does not depend on.</summary>
static class Some
{
    /// <summary>The same bytes each time.</summary>
    public static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    /// <summary>What opens a connection to <see cref="Hosts.Web"/>.</summary>
    public static TcpPacket Syn(Hosts hosts) => new(hosts.Alice.Port(40001), hosts.Web, Tcp.Syn);

    /// <summary>A datagram to <see cref="Hosts.Web"/>.</summary>
    public static UdpPacket Datagram(Hosts hosts) =>
        new(hosts.Alice.Port(40001), hosts.Web) { Payload = Bytes(21) };

    /// <summary>Different addresses of clients behind the router, at most 65536.</summary>
    public static IEnumerable<IPAddress> Clients(Hosts hosts, int count) => Enumerable.Range(0, count).Select(i =>
    {
        var address = hosts.Carol.GetAddressBytes();
        (address[^2], address[^1]) = ((byte)(i >> 8), (byte)i);
        return new IPAddress(address);
    });
}
