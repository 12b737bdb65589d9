using EbpfLb.Configuration;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Which of the two programs runs a case's packets.</summary>
public enum Hook
{
    Tc,
    Xdp,
}

static class Hooks
{
    /// <summary>The runner's hook that loads the program; for XDP the generic one.</summary>
    public static HookKind Kind(this Hook hook) => hook == Hook.Tc ? HookKind.Tc : HookKind.XdpGeneric;
}
