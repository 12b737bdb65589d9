using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers.Roles;

/// <summary>Who makes the load, from many ports, which are used again soon after a connection has ended.</summary>
sealed class LoadClient(LabNetwork network, string name, string image) : Role(network, name, network.Member(image, name)
    .WithCreateParameterModifier(container => container.HostConfig!.Sysctls = new Dictionary<string, string>
    {
        // The ports that a balancer in the kernel cannot keep, as it has them for its own connections, are left out.
        ["net.ipv4.ip_local_port_range"] = "1024 60999",
        ["net.ipv4.tcp_tw_reuse"] = "1",
    })
    .Build());
