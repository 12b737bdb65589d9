using System.Net;
using System.Net.Sockets;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>On tc, clients behind a tunnel are balanced as those on Ethernet are.</summary>
[Case(PacketCase.NoEthernet)]
public sealed class InterfacesWithoutEthernet
{
    [Theory]
    [InlineData("10.9.1.7", "10.9.1.1", "10.9.0.2")]
    [InlineData("fd09:1::7", "fd09:1::1", "fd09::2")]
    public async Task A_client_behind_one_gets_an_answer(string client, string service, string backend)
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        using var tunnel = new Tunnel(lb.TcProgram, lb.Tables);
        lb.ServeUdp(Parse(service).Port(53), Parse(backend).Port(5353));
        using var server = tunnel.Far.Run(() => new UdpClient(new IPEndPoint(Parse(backend), 5353)));
        var query = new UdpPacket(Parse(client).Port(40001), Parse(service).Port(53)) { Payload = Some.Bytes(77) };

        tunnel.Send(Bare(query));
        var here = TestContext.Current.CancellationToken;
        var asked = await server.ReceiveAsync(here).AsTask().WaitAsync(TimeSpan.FromSeconds(20), here);
        await server.SendAsync(Some.Bytes(99), asked.RemoteEndPoint, here);
        var answer = new Frame([.. new byte[12], .. EtherTypeOf(query), .. tunnel.Receive(query.Source.Address)]);

        Assert.Equal(Some.Bytes(77), asked.Buffer);
        Assert.Equal((query.Destination, query.Source), (answer.Source, answer.Destination));
        Assert.True(answer.Ip!.ChecksumIsRight);
        Assert.Equal(L4Checksum.Complete, answer.L4Checksum);
    }

    /// <summary>The kernel writes the Ethernet header of a flow's first packet, the program that of the others.</summary>
    [Theory]
    [InlineData("10.9.1.7", "10.9.1.1", "10.9.0.2")]
    [InlineData("fd09:1::7", "fd09:1::1", "fd09::2")]
    public async Task Every_packet_of_a_clients_flow_arrives(string client, string service, string backend)
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        using var tunnel = new Tunnel(lb.TcProgram, lb.Tables);
        lb.ServeUdp(Parse(service).Port(53), Parse(backend).Port(5353));
        using var server = tunnel.Far.Run(() => new UdpClient(new IPEndPoint(Parse(backend), 5353)));
        var here = TestContext.Current.CancellationToken;

        foreach (var size in Enumerable.Range(70, 5))
        {
            tunnel.Send(Bare(new UdpPacket(Parse(client).Port(40001), Parse(service).Port(53)) { Payload = Some.Bytes(size) }));
            var asked = await server.ReceiveAsync(here).AsTask().WaitAsync(TimeSpan.FromSeconds(5), here);
            Assert.Equal(Some.Bytes(size), asked.Buffer);
        }
    }

    /// <summary>In mode tunnel they are what the outer datagram carries.</summary>
    [Theory]
    [InlineData("10.9.1.7", "10.9.1.1", "10.9.0.2")]
    [InlineData("10.9.1.7", "10.9.1.1", "fd09::2")]
    [InlineData("fd09:1::7", "fd09:1::1", "10.9.0.2")]
    public async Task A_clients_packets_are_tunnelled(string client, string service, string backend)
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        using var tunnel = new Tunnel(lb.TcProgram, lb.Tables);
        lb.Tunnel(lb.ServeUdp(Parse(service).Port(53), Parse(backend).Port(53)), TunnelKind.Gue);
        using var server = tunnel.Far.Run(() => new UdpClient(new IPEndPoint(Parse(backend), OuterHeader.GuePort)));
        // As the kernel's fou device does: over IPv6 a socket drops datagrams without a checksum otherwise.
        server.Client.SetRawSocketOption(17, 102, [1, 0, 0, 0]); // SOL_UDP, UDP_NO_CHECK6_RX
        var here = TestContext.Current.CancellationToken;

        foreach (var size in Enumerable.Range(70, 3))
        {
            var query = new UdpPacket(Parse(client).Port(40001), Parse(service).Port(53)) { Payload = Some.Bytes(size) };
            tunnel.Send(Bare(query));
            var carried = await server.ReceiveAsync(here).AsTask().WaitAsync(TimeSpan.FromSeconds(5), here);
            Assert.Equal(Bare(query with { Ttl = (byte)(query.Ttl - 1) }), carried.Buffer);
        }
    }

    [Theory]
    [InlineData("10.9.1.7", "10.9.1.1", "10.9.0.2")]
    [InlineData("fd09:1::7", "fd09:1::1", "fd09::2")]
    public void A_packet_whose_ttl_expires_is_answered_there(string client, string service, string backend)
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        using var tunnel = new Tunnel(lb.TcProgram, lb.Tables);
        lb.ServeUdp(Parse(service).Port(53), Parse(backend).Port(5353));
        var late = new UdpPacket(Parse(client).Port(40001), Parse(service).Port(53)) { Payload = Some.Bytes(77), Ttl = 1 };

        tunnel.Send(Bare(late));
        var error = new Frame([.. new byte[12], .. EtherTypeOf(late), .. tunnel.Receive(late.Source.Address)]);

        Assert.Equal(late.Source.Address, error.Ip!.Destination);
        Assert.Equal(late.Source, error.Quote.Source);
        Assert.Equal(L4Checksum.Complete, error.L4Checksum);
    }

    static byte[] Bare(Packet packet) => packet.ToFrame()[Packet.EthernetLength..];

    static byte[] EtherTypeOf(Packet packet) => packet.ToFrame()[12..Packet.EthernetLength];

    static IPAddress Parse(string address) => IPAddress.Parse(address);
}
