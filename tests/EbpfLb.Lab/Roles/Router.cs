using DotNet.Testcontainers.Containers;

namespace EbpfLb.Lab.Roles;

/// <summary>A router between the balancers' host and someone else, whose link there takes smaller packets only.</summary>
/// <remarks>It takes the place of the host's direct way; what comes back goes directly still.</remarks>
public sealed class Router : Role
{
    readonly BalancerHost _host;
    readonly Role _destination;

    internal Router(LabNetwork network, string name, BalancerHost host, Role destination)
        : base(network, name, Container(network, name)) => (_host, _destination) = (host, destination);

    /// <summary>Becomes the host's way to the destination.</summary>
    /// <param name="mtu">The largest IP packet that it sends there, in bytes.</param>
    internal async Task LeadAsync(int mtu)
    {
        await ShellAsync("ip route add \"$1\" dev \"$2\" mtu \"$3\"",
            _destination.Address, BalancerHost.Interface, mtu);
        await _host.ShellAsync("ip route add \"$1\" via \"$2\"", _destination.Address, Address);
    }

    /// <summary>Gives the host its direct way back.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _host.ShellAsync("ip route del \"$1\" via \"$2\"", _destination.Address, Address);
        await base.DisposeAsync();
    }

    static IContainer Container(LabNetwork network, string name) => network
        .Member(network.Engine.Images.Client, name)
        .WithCreateParameterModifier(container =>
        {
            Engine.Privileges.GrantToolsTo(container.HostConfig!);
            container.HostConfig!.Sysctls = network.RouterSysctls();
            // It would tell the host of the direct way.
            container.HostConfig.Sysctls["net.ipv4.conf.all.send_redirects"] = "0";
            container.HostConfig.Sysctls["net.ipv4.conf.default.send_redirects"] = "0";
        })
        .Build();
}
