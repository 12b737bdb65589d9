using DotNet.Testcontainers.Containers;

namespace EbpfLb.Lab.Roles;

/// <summary>A router between two networks. Answers come by it whose addresses are known on the other side.</summary>
sealed class Gateway(LabNetwork network, string name) : Role(network, name, Container(network, name))
{
    static IContainer Container(LabNetwork network, string name) => network
        .Member(network.Engine.Images.Client, name)
        .WithCreateParameterModifier(container =>
        {
            container.HostConfig!.Sysctls = network.RouterSysctls();
            container.HostConfig.Sysctls["net.ipv4.conf.all.rp_filter"] = "0";
            container.HostConfig.Sysctls["net.ipv4.conf.default.rp_filter"] = "0";
        })
        .Build();
}
