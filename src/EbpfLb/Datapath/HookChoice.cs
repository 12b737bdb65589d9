using EbpfLb.Configuration;
using EbpfLb.Networking;

namespace EbpfLb.Datapath;

/// <summary>The hook to try.</summary>
/// <param name="Hook">Never <see cref="HookKind.Auto"/>.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="Fallback">The next hook to try if the driver refuses; null if the user chose this one.</param>
sealed record HookChoice(HookKind Hook, string Reason, HookChoice? Fallback = null)
{
    /// <summary>
    /// Chooses a hook. Virtual devices deliver large segments and unfinished checksums: tc keeps both, generic XDP
    /// copies each segment, and native XDP loses them if the peer has no NAPI. On hardware native XDP avoids the cost
    /// of the stack. All interfaces must be fit for the hook.
    /// </summary>
    /// <exception cref="LoadBalancerException">The configured hook would lose every packet that it sends.</exception>
    public static HookChoice Select(HookKind requested, params IReadOnlyList<NetworkDevice> devices)
    {
        if (requested == HookKind.XdpNative && devices.FirstOrDefault(device => device.CanTransmitXdp == false) is { } loser)
            throw new LoadBalancerException(
                $"native XDP on {loser.Name} would lose every packet it sends: the peer of this veth has neither an XDP "
                + $"program nor GRO. {VethPeer.Remedy}.");
        if (requested != HookKind.Auto)
            return new(requested, "as asked");
        if (devices.FirstOrDefault(device => device.IsVirtual) is { } one)
            return new(HookKind.Tc, $"{one.Name} is a virtual device, where tc keeps large segments whole");
        var drivers = string.Join(", ", devices.Select(device => device.Driver).Distinct());
        var names = string.Join(", ", devices.Select(device => device.Name));
        return new(
            HookKind.XdpNative,
            $"{drivers}, the driver of {names}, supports native XDP",
            new(HookKind.Tc, $"native XDP on {names}, whose driver is {drivers}, was refused"));
    }
}
