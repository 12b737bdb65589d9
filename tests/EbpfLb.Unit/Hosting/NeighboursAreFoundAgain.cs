using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Hosting;
using EbpfLb.Native;
using EbpfLb.Unit.Datapath.Harness;
using Microsoft.Extensions.Logging.Abstractions;

namespace EbpfLb.Unit.Hosting;

/// <summary>A backend whose Ethernet address changed without a word is found again within seconds.</summary>
public sealed class NeighboursAreFoundAgain : IDisposable
{
    const uint Backend = 0;
    const string WrongAddress = "02:00:00:00:00:99";

    static readonly string[] Families = ["ipv4", "ipv6"];

    readonly Balancer _lb;
    readonly NetworkNamespace _near = new();
    readonly NetworkNamespace _far = new();
    readonly NeighbourMonitor _monitor;
    ulong _packets;

    public NeighboursAreFoundAgain()
    {
        Capabilities.RequireDatapath();
        _lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        _monitor = new(_lb.Tables, TimeProvider.System, NullLogger<NeighbourMonitor>.Instance);
        _near.Configure(
            $"link add near index 401 type veth peer name far netns {_far.Id}", "link set near up",
            "address add 10.9.0.1/24 dev near", "address add fd09::1/64 dev near nodad");
        _far.Configure("link set far up", "address add 10.9.0.2/24 dev far", "address add fd09::2/64 dev far nodad");
        _near.Run(() =>
        {
            // Else it takes three seconds to find that nobody answers.
            foreach (var family in Families)
                File.WriteAllText($"/proc/sys/net/{family}/neigh/near/retrans_time_ms", "20");
            return true;
        });
    }

    public void Dispose() => _lb.Dispose();

    [Theory]
    [InlineData("10.9.0.2", "10.9.0.2", "reachable"), InlineData("fd09::2", "fd09::2", "reachable")]
    [InlineData("10.9.0.2", "10.9.0.2", "stale"), InlineData("fd09::2", "fd09::2", "stale")]
    [InlineData("192.0.2.7", "10.9.0.2", "reachable"), InlineData("2001:db8::7", "fd09::2", "reachable")]
    public async Task By_itself_or_by_its_gateway(string backend, string neighbour, string state)
    {
        Route(backend, neighbour);
        _near.Configure($"neigh replace {neighbour} lladdr {WrongAddress} dev near nud {state}");
        Serve(backend);
        using var server = _far.Run(() => new UdpClient(new IPEndPoint(Parse(neighbour), 53)));

        await Eventually.That("a datagram reaches the backend", () =>
        {
            Count(toBackend: 1);
            Check();
            Send(neighbour);
            return server.Available;
        }, bytes => bytes > 0);
    }

    [Fact]
    public async Task Also_after_a_time_without_answers()
    {
        _near.Configure("neigh replace 10.9.0.2 lladdr 02:00:00:00:00:99 dev near nud failed");
        Serve("10.9.0.2");
        Count(toBackend: 1);

        Assert.Equal(1, Check());

        await Eventually.That("its address is known", () => StateOf("10.9.0.2"), state => state == NeighbourState.Reachable);
    }

    [Fact]
    public void The_neighbour_of_a_backend_that_replies_is_not_probed()
    {
        _near.Configure($"neigh replace 10.9.0.2 lladdr {WrongAddress} dev near nud reachable");
        Serve("10.9.0.2");
        Count(toBackend: 1, toClient: 1);

        Assert.Equal(0, Check());
        Assert.Equal(NeighbourState.Reachable, StateOf("10.9.0.2"));
    }

    [Fact]
    public void The_neighbour_of_an_idle_backend_is_not_probed()
    {
        _near.Configure($"neigh replace 10.9.0.2 lladdr {WrongAddress} dev near nud reachable");
        Serve("10.9.0.2");
        Count(toBackend: 0);

        Assert.Equal(0, Check());
    }

    [Fact]
    public void A_permanent_neighbour_is_not_probed()
    {
        _near.Configure($"neigh replace 10.9.0.2 lladdr {WrongAddress} dev near nud permanent");
        Serve("10.9.0.2");
        Count(toBackend: 1);

        Assert.Equal(0, Check());
        Assert.Equal(NeighbourState.Permanent, StateOf("10.9.0.2"));
    }

    [Fact]
    public void Neighbours_beyond_the_limit_are_probed_in_the_next_pass()
    {
        var monitor = new NeighbourMonitor(_lb.Tables, TimeProvider.System, NullLogger<NeighbourMonitor>.Instance) { MaxProbes = 2 };
        string[] backends = ["10.9.0.11", "10.9.0.12", "10.9.0.13"];
        foreach (var (id, address) in backends.Index())
            _lb.Tables.Backends.Set((uint)id, new LbBackend { Address = LbAddress.From(Parse(address)) });
        Pass();
        Assert.Equal(2, Pass());
        Assert.Null(StateOf(backends[^1]));

        Pass();

        Assert.NotNull(StateOf(backends[^1]));

        int Pass()
        {
            _packets++;
            for (var id = 0u; id < backends.Length; id++)
                _lb.Tables.BackendTraffic.SetPerCpu(id, new LbTraffic { ToBackendPackets = _packets });
            return _near.Run(monitor.Check);
        }
    }

    [Fact]
    public void A_backend_without_a_route_is_left_alone()
    {
        Serve("203.0.113.9");
        Count(toBackend: 1);

        Assert.Equal(0, Check());
    }

    /// <summary>Configures the backend, and takes the first look at its counters.</summary>
    void Serve(string backend)
    {
        _lb.Tables.Backends.Set(Backend, new LbBackend { Address = LbAddress.From(Parse(backend)) });
        Check();
    }

    void Route(string backend, string neighbour)
    {
        if (backend != neighbour)
            _near.Configure($"route add {backend} via {neighbour}");
    }

    /// <summary>Adds packets, on every processor.</summary>
    void Count(ulong toBackend, ulong toClient = 0) => _lb.Tables.BackendTraffic.SetPerCpu(
        Backend, new LbTraffic { ToBackendPackets = _packets += toBackend, ToClientPackets = toClient });

    int Check() => _near.Run(_monitor.Check);

    NeighbourState? StateOf(string address) => _near.Run(() =>
    {
        using var neighbours = new Neighbours();
        return neighbours.StateOf(401, Parse(address));
    });

    void Send(string to) => _near.Run(() =>
    {
        using var client = new UdpClient(Parse(to).AddressFamily);
        return client.Send([1], new IPEndPoint(Parse(to), 53));
    });

    static IPAddress Parse(string address) => IPAddress.Parse(address);
}
