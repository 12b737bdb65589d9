using EbpfLb.E2E.Lab.Engine;
using EbpfLb.E2E.Lab.Roles;

namespace EbpfLb.E2E.Lab;

/// <summary>The lab whose balancers attach to the traffic-control hook.</summary>
public sealed class TcLab(LabEngine engine) : HookLab(engine, "tc");

/// <summary>The lab whose balancers attach to the generic XDP hook.</summary>
public sealed class GenericXdpLab(LabEngine engine) : HookLab(engine, "xdp-generic");

/// <summary>
/// The lab whose balancers attach to the native XDP hook. Its links are veths, which carry native XDP where the other
/// end has a program too, and carry all of it where nobody leaves checksums and segments to a card.
/// </summary>
public sealed class NativeXdpLab(LabEngine engine) : HookLab(engine, "xdp-native")
{
    private protected override Task SetUpAsync(BalancerHost host) => PassAllToAsync(host);

    private protected override Task SetUpAsync(BackNetwork back) => PassAllToAsync(Host, back.Interface);

    private protected override Task SetUpEndsAsync(Role[] ends) => DoWithoutOffloadsAsync(ends);
}

/// <summary>The specs over the traffic-control hook: one after the other, beside those over the other hooks.</summary>
[CollectionDefinition]
public sealed class OverTc : ICollectionFixture<TcLab>;

/// <summary>The specs over the generic XDP hook: one after the other, beside those over the other hooks.</summary>
[CollectionDefinition]
public sealed class OverGenericXdp : ICollectionFixture<GenericXdpLab>;

/// <summary>The specs over the native XDP hook: one after the other, beside those over the other hooks.</summary>
[CollectionDefinition]
public sealed class OverNativeXdp : ICollectionFixture<NativeXdpLab>;
