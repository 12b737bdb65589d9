using System.Net;
using System.Net.Sockets;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>
/// Who is on the test network, by their addresses of one family. The last four bytes of both addresses of a host are
/// the same, and those of its Ethernet address; all else is arbitrary, so that no sum over it comes right by chance.
/// </summary>
public sealed class Hosts
{
    public static readonly Hosts Ip4 = new(AddressFamily.InterNetwork);
    public static readonly Hosts Ip6 = new(AddressFamily.InterNetworkV6);
    public static readonly Hosts[] OfEachFamily = [Ip4, Ip6];

    Hosts(AddressFamily family)
    {
        IPAddress Pick(string ip4, string ip6) => IPAddress.Parse(family == AddressFamily.InterNetwork ? ip4 : ip6);
        Family = family;
        Balancer = Pick("10.7.0.1", "fd07:9c1e:3b60:52aa:e81:77d4:a07:1");
        BackendA = Pick("10.7.0.11", "fd07:4d02:b1c7:ee:6f19:35b:a07:b");
        BackendB = Pick("10.7.0.12", "fd07:71f8:2e95:8ad3:4c:f6a0:a07:c");
        BackendC = Pick("10.7.0.13", "fd07:e3:d84b:1907:b25e:9f:a07:d");
        Alice = Pick("10.7.0.101", "fd07:5a6c:f013:c4b8:92e7:2d81:a07:65");
        Bob = Pick("10.7.0.102", "fd07:bb35:6:7e94:d0a1:48fc:a07:66");
        Unresolved = Pick("10.7.0.99", "fd07:32d9:a4e6:5b:1870:c3e2:a07:63");
        FarBalancer = Pick("10.8.0.1", "fd08:86b7:1f:d3a9:7c04:5e6b:a08:1");
        Router = Pick("10.8.0.254", "fd08:e5:94c2:b37:6d58:f1a0:a08:fe");
        Carol = Pick("192.0.2.77", "2001:db8:40d7:69b:f3e2:8a15:c000:24d");
        Dave = Pick("198.51.100.9", "2001:db8:9e31:d24c:57:b6f8:c633:6409");
        Alias = Pick("10.7.0.9", "fd07:c7:5e20:91bd:a3f4:6d08:a07:9");
        Erin = Pick("192.0.2.140", "2001:db8:b8:e17f:3a92:50cd:c000:28c");
        Frank = Pick("192.0.2.201", "2001:db8:e4:6c92:1bf7:a035:c000:2c9");
        Unreachable = Pick("203.0.113.9", "3fff:1d7:c08a:e4:9b53:726f:cb00:7109");
        OnLan = [BackendA, BackendB, BackendC, Alice, Bob];
        BehindRouter = [Carol, Dave, Erin, Frank];
        Web = Balancer.Port(80);
    }

    public AddressFamily Family { get; }

    public IPAddress Balancer { get; }
    public IPAddress BackendA { get; }
    public IPAddress BackendB { get; }
    public IPAddress BackendC { get; }
    public IPAddress Alice { get; }
    public IPAddress Bob { get; }

    /// <summary>On the link, but the kernel has no neighbour entry for it.</summary>
    public IPAddress Unresolved { get; }

    /// <summary>The balancer's address towards the router.</summary>
    public IPAddress FarBalancer { get; }
    public IPAddress Router { get; }

    /// <summary>Behind the router.</summary>
    public IPAddress Carol { get; }

    /// <summary>Behind the router, whose IPv6 address the route has, for IPv4 too.</summary>
    public IPAddress Dave { get; }

    /// <summary>Behind the router; the route there says to send from <see cref="Alias"/>.</summary>
    public IPAddress Erin { get; }

    /// <summary>Behind the router; the route there may go (<see cref="TestNetwork.WithoutRouteToFrank"/>).</summary>
    public IPAddress Frank { get; }

    /// <summary>An address of the balancer's that is on no link.</summary>
    public IPAddress Alias { get; }

    /// <summary>No route leads there.</summary>
    public IPAddress Unreachable { get; }

    /// <summary>The balancer's addresses, of both families.</summary>
    public static IReadOnlySet<IPAddress> Own() =>
        OfEachFamily.SelectMany(hosts => new[] { hosts.Balancer, hosts.FarBalancer, hosts.Alias }).ToHashSet();

    public IReadOnlyList<IPAddress> OnLan { get; }
    public IReadOnlyList<IPAddress> BehindRouter { get; }

    /// <summary>Where the service under test listens, unless a case says otherwise.</summary>
    public IPEndPoint Web { get; }

    public override string ToString() => this == Ip4 ? "IPv4" : "IPv6";
}

static class HostPorts
{
    public static IPEndPoint Port(this IPAddress host, int port) => new(host, port);
}
