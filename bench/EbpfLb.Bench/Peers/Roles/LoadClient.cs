using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers.Roles;

/// <summary>Who makes the load, on the kernel's default sysctls.</summary>
sealed class LoadClient(LabNetwork network, string name, string image)
    : Role(network, name, network.Member(image, name).Build());
