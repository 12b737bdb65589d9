using EbpfLb.E2E;
using EbpfLb.Lab;
using EbpfLb.Lab.Clusters;
using EbpfLb.Lab.Engine;

[assembly: AssemblyFixture(typeof(Engine))]

namespace EbpfLb.E2E;

/// <summary>The container engine of all specs.</summary>
public sealed class Engine : LabEngine, IAsyncLifetime
{
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        BuildAhead();
    }
}

/// <summary>The lab whose balancers attach to the traffic-control hook.</summary>
public sealed class TcLab(Engine engine) : HookLab(engine, "tc"), IAsyncLifetime;

/// <summary>Two more such labs: there are more specs over this hook than over the others.</summary>
public sealed class OtherTcLab(Engine engine) : HookLab(engine, "tc", "tc-6"), IAsyncLifetime;

/// <inheritdoc cref="OtherTcLab"/>
public sealed class RunnerLab(Engine engine) : HookLab(engine, "tc", "tc-runner"), IAsyncLifetime;

/// <summary>The lab whose balancers attach to the generic XDP hook.</summary>
public sealed class GenericXdpLab(Engine engine) : HookLab(engine, "xdp-generic"), IAsyncLifetime;

/// <summary>One more such lab.</summary>
public sealed class OtherGenericXdpLab(Engine engine) : HookLab(engine, "xdp-generic", "xdp-generic-6"), IAsyncLifetime;

/// <summary>The lab whose balancers attach to the native XDP hook.</summary>
public sealed class NativeXdpLab(Engine engine) : NativeXdpHookLab(engine), IAsyncLifetime;

/// <summary>The lab whose balancers share an address by VRRP.</summary>
public sealed class TheVrrpLab(Engine engine) : VrrpLab(engine), IAsyncLifetime;

/// <summary>The lab whose balancers share an address behind a router.</summary>
public sealed class TheEcmpLab(Engine engine) : EcmpLab(engine), IAsyncLifetime;

/// <summary>The specs over the traffic-control hook: one after the other, beside those over the other hooks.</summary>
[CollectionDefinition]
public sealed class OverTc : ICollectionFixture<TcLab>;

/// <summary>Those over the traffic-control hook and over IPv6.</summary>
[CollectionDefinition]
public sealed class OverTcAndIPv6 : ICollectionFixture<OtherTcLab>;

/// <summary>
/// Those over the traffic-control hook whose subject is the runner alone, but for those of <c>tests/check</c>, which has one lab.
/// </summary>
[CollectionDefinition]
public sealed class OfTheRunner : ICollectionFixture<RunnerLab>;

/// <summary>The specs over the generic XDP hook: one after the other, beside those over the other hooks.</summary>
[CollectionDefinition]
public sealed class OverGenericXdp : ICollectionFixture<GenericXdpLab>;

/// <summary>Those over the generic XDP hook and over IPv6.</summary>
[CollectionDefinition]
public sealed class OverGenericXdpAndIPv6 : ICollectionFixture<OtherGenericXdpLab>;

/// <summary>The specs over the native XDP hook: one after the other, beside those over the other hooks.</summary>
[CollectionDefinition]
public sealed class OverNativeXdp : ICollectionFixture<NativeXdpLab>;

/// <summary>The specs of balancers that share an address by VRRP: one after the other.</summary>
[CollectionDefinition]
public sealed class OverVrrp : ICollectionFixture<TheVrrpLab>;

/// <summary>The specs of balancers that share an address behind a router: one after the other.</summary>
[CollectionDefinition]
public sealed class OverEcmp : ICollectionFixture<TheEcmpLab>;
