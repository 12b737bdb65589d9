using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Reconcile;
using EbpfLb.Tables;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>
/// A balancer with clients behind a tun interface, whose packets have no Ethernet header, and a backend on Ethernet in a
/// network of its own.
/// </summary>
sealed unsafe class Tunnel : IDisposable
{
    const nuint TunSetInterface = 0x400454ca; // TUNSETIFF
    const ushort Flags = 0x1001; // IFF_TUN | IFF_NO_PI

    readonly NetworkNamespace _near = new();
    readonly FileStream _clients;
    readonly List<IAttachment> _attachments = [];

    public Tunnel(Fd program, LbTables tables)
    {
        _clients = _near.Run(Open);
        _near.Configure(
            "link set tun0 up", "address add 10.9.1.1/24 dev tun0", "address add fd09:1::1/64 dev tun0 nodad",
            $"link add near type veth peer name far netns {Far.Id}", "link set near up",
            "address add 10.9.0.1/24 dev near", "address add fd09::1/64 dev near nodad");
        Far.Configure("link set far up", "address add 10.9.0.2/24 dev far", "address add fd09::2/64 dev far nodad");
        _near.Run(() =>
        {
            File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "1");
            File.WriteAllText("/proc/sys/net/ipv6/conf/all/forwarding", "1");
            NetworkDevice[] devices = [NetworkDevice.Find("tun0"), NetworkDevice.Find("near")];
            LinkReconciler.Apply(tables, devices);
            _attachments.AddRange(devices.Select(device =>
                (IAttachment?)LinkAttachment.TryTcx(program, device) ?? ClsactAttachment.Attach(program, device)));
            return true;
        });
    }

    /// <summary>The backend's network.</summary>
    public NetworkNamespace Far { get; } = new();

    public T Inside<T>(Func<T> action) => _near.Run(action);

    /// <summary>Sends an IP packet of a client's.</summary>
    public void Send(byte[] packet) => _clients.Write(packet);

    /// <summary>The next IP packet to a client; what the balancer's own stack says to everybody is left out.</summary>
    public byte[] Receive(IPAddress client)
    {
        var packet = new byte[4096];
        while (true)
        {
            var length = _clients.Read(packet);
            if (new IPAddress(packet[0] >> 4 == 4 ? packet[16..20] : packet[24..40]).Equals(client))
                return packet[..length];
        }
    }

    public void Dispose()
    {
        _attachments.ForEach(attachment => attachment.Dispose());
        _clients.Dispose();
    }

    static FileStream Open()
    {
        var file = File.OpenHandle("/dev/net/tun", FileMode.Open, FileAccess.ReadWrite);
        var request = stackalloc byte[40];
        Encoding.ASCII.GetBytes("tun0", new Span<byte>(request, 16));
        MemoryMarshal.Write(new Span<byte>(request + 16, 2), Flags);
        Check.MinusOneWithErrno(LibC.ioctl((int)file.DangerousGetHandle(), TunSetInterface, request), "making a tun interface");
        return new FileStream(file, FileAccess.ReadWrite, bufferSize: 0);
    }
}
