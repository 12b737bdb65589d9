using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Datapath;

/// <summary>The hook to try.</summary>
/// <param name="Hook">Never <see cref="HookKind.Auto"/>.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="Fallback">The next hook to try if the verifier or the driver refuses; null if the user chose this one.</param>
sealed record HookChoice(HookKind Hook, string Reason, HookChoice? Fallback = null)
{
    /// <summary>The error that led from the preferred hook to this one; null if this is the preferred one.</summary>
    public NativeException? Refusal { get; init; }

    /// <summary>Attaches to this hook, or to the fallback if the kernel refuses.</summary>
    /// <param name="attach">Attaches, or throws and leaves nothing behind.</param>
    /// <exception cref="NativeException">There is no fallback, or the process lacks a privilege.</exception>
    public T Try<T>(Func<HookChoice, T> attach)
    {
        try
        {
            return attach(this);
        }
        catch (NativeException error) when (Fallback is not null && AttachTransaction.IsRefusal(error))
        {
            var cause = error is LoadException { Refusal.Program: { } program } ? $"the verifier refuses {program}" : Errno.Name(error.Number);
            return (Fallback with { Reason = $"{Fallback.Reason}: {cause}", Refusal = error }).Try(attach);
        }
    }

    /// <summary>
    /// Chooses a hook. Virtual devices deliver large segments and unfinished checksums: tc keeps both, generic XDP
    /// copies each segment, and native XDP loses them if the peer has no NAPI. On hardware native XDP avoids the cost
    /// of the stack. All interfaces must be fit for the hook.
    /// </summary>
    /// <exception cref="LoadBalancerException">The configured hook cannot balance there.</exception>
    public static HookChoice Select(HookKind requested, params IReadOnlyList<NetworkDevice> devices)
    {
        var bare = devices.FirstOrDefault(device => !device.IsEthernet);
        if (requested is HookKind.XdpNative or HookKind.XdpGeneric && bare is not null)
            throw new LoadBalancerException(
                $"XDP needs Ethernet frames, and packets of {bare.Name} have no Ethernet header. Use --hook tc.");
        if (requested == HookKind.XdpNative && devices.FirstOrDefault(device => device.CanTransmitXdp == false) is { } loser)
            throw new LoadBalancerException(
                $"native XDP on {loser.Name} would lose every packet it sends: the peer of this veth has neither an XDP "
                + $"program nor GRO. {VethPeer.Remedy}.");
        if (requested != HookKind.Auto)
            return new(requested, "as configured");
        if (bare is not null)
            return new(HookKind.Tc, $"packets of {bare.Name} have no Ethernet header, which XDP needs");
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
