using System.Net;
using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// The programs hash a flow to a slot in the same way on every balancer and in every build: a flow that another
/// balancer takes up must find its backend there. The values are MurmurHash3's, computed apart from the programs.
/// </summary>
[Case(PacketCase.Maglev)]
public sealed class SlotTablesAreDeterministic
{
    /// <summary>Primes: the remainders of a 32-bit hash by these three determine it.</summary>
    static readonly uint[] Sizes = [2039, 2029, 2027];

    [Theory]
    [OnEveryHook(40001, TcpPacket.ProtocolNumber, 0x4aa67f80u, 0x0f90a7b0u)]
    [OnEveryHook(50000, TcpPacket.ProtocolNumber, 0xd1d7648au, 0xdc866c39u)]
    [OnEveryHook(40001, UdpPacket.ProtocolNumber, 0x1548d324u, 0x5b02b8e5u)]
    public void Maglev_hashes_addresses_ports_and_protocol(
        Hook hook, Hosts hosts, int port, byte protocol, uint ip4, uint ip6)
    {
        var hash = hosts == Hosts.Ip4 ? ip4 : ip6;

        Assert.Equal(
            Sizes.Select(size => hash % size),
            Sizes.Select(size => SlotOf(hook, hosts, LbAlgorithm.Maglev, hosts.Alice.Port(port), protocol, size)));
    }

    [Theory, OnEveryHook(40001), OnEveryHook(50000)]
    [Case(PacketCase.SourceHash)]
    public void Source_hash_hashes_the_clients_address_alone(Hook hook, Hosts hosts, int port)
    {
        var hash = hosts == Hosts.Ip4 ? 0xde4a548au : 0x93c73654u;

        Assert.Equal(
            Sizes.Select(size => hash % size),
            Sizes.Select(size => SlotOf(
                hook, hosts, LbAlgorithm.SourceHash, hosts.Alice.Port(port), TcpPacket.ProtocolNumber, size)));
    }

    /// <summary>The slot, of so many, that a client's new flow is placed by: each names a backend of its own.</summary>
    static uint SlotOf(Hook hook, Hosts hosts, LbAlgorithm algorithm, IPEndPoint client, byte protocol, uint size)
    {
        using var lb = Balancer.On(hook);
        IPEndPoint[] backends = [.. Enumerable.Range(1, (int)size).Select(hosts.BackendA.Port)];
        var web = protocol == TcpPacket.ProtocolNumber ? lb.ServeTcp(hosts.Web, backends) : lb.ServeUdp(hosts.Web, backends);
        lb.Choose(web, algorithm, (backends[0], 1));
        lb.Tables.Slots.Publish([(web.Id, [.. backends.Select(backend => web.Backends[backend])])]);

        return (uint)lb.Open(client, web).Backend.Port - 1;
    }
}
