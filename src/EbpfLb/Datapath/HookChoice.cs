using EbpfLb.Configuration;
using EbpfLb.Networking;

namespace EbpfLb.Datapath;

/// <summary>The hook to try, and why.</summary>
/// <param name="Hook">Never <see cref="HookKind.Auto"/>.</param>
/// <param name="Reason">For people.</param>
/// <param name="Fallback">What to take when the driver refuses; null when the user asked for this one.</param>
sealed record HookChoice(HookKind Hook, string Reason, HookChoice? Fallback = null)
{
    /// <summary>
    /// A virtual device hands over large segments and unfinished checksums: tc keeps both, generic XDP copies each
    /// segment, and native XDP drops them where the peer has no NAPI. On hardware native XDP comes before the stack's
    /// own cost. Of several interfaces each must be fit for it.
    /// </summary>
    /// <exception cref="LoadBalancerException">The hook that was asked for would lose all that it sends.</exception>
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
