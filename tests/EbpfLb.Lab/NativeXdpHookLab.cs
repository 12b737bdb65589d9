using EbpfLb.Lab.Engine;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab;

/// <summary>
/// The lab whose balancers attach to the native XDP hook. Its links are veths, which carry native XDP where the other
/// end has a program too, and carry all of it where nobody leaves checksums and segments to a card.
/// </summary>
public class NativeXdpHookLab(LabEngine engine) : HookLab(engine, "xdp-native")
{
    private protected override Task SetUpAsync(BalancerHost host) => PassAllToAsync(host);

    private protected override Task SetUpAsync(BackNetwork back) => PassAllToAsync(Host, back.Interface);

    private protected override Task SetUpEndsAsync(Role[] ends) => DoWithoutOffloadsAsync(ends);
}
