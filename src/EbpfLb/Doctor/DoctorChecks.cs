using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Networking;

namespace EbpfLb.Doctor;

/// <summary>Checks the host's facts: what prevents each hook, and what to do about it.</summary>
static class DoctorChecks
{
    const string TcRemedy = "use --hook tc, which 'auto' chooses here";

    public static Diagnosis Run(HostFacts facts)
    {
        var (privileges, libBpf) = (CheckPrivileges(facts), CheckLibBpf(facts.LibBpf));
        var couldLoad = privileges.Verdict != Verdict.Missing && libBpf.Verdict != Verdict.Missing;
        List<CheckResult> conditions =
        [
            privileges, KernelChecks.Version(facts, couldLoad), libBpf, CheckBpffs(facts), KernelChecks.Btf(facts, couldLoad),
            CheckForwarding(facts), CheckSubstitutePorts(facts),
        ];
        if (facts.Devices is [var first, ..])
            conditions.AddRange([.. CheckIpv6Forwarding(first), CheckDevice(first), .. facts.Devices.Skip(1).SelectMany(CheckOther)]);

        var blocked = conditions.Any(condition => condition.Verdict == Verdict.Missing);
        var (tcNeeds, xdpNeeds) = (KernelChecks.Needs(HookKind.Tc, facts.Kernel), KernelChecks.Needs(HookKind.XdpNative, facts.Kernel));
        var tc = WithTcRefusal(CheckHook(HookKind.Tc, facts.TcFailure, blocked, tcNeeds), facts.TcRefusal);
        var devices = facts.Devices.Select(named => named.Device).OfType<NetworkDevice>().ToArray();
        var bare = devices.FirstOrDefault(device => !device.IsEthernet);
        var generic = WithLinkLayer(CheckHook(HookKind.XdpGeneric, facts.XdpFailure, blocked, xdpNeeds), bare);
        var native = WithLinkLayer(
            WithDriver(CheckHook(HookKind.XdpNative, facts.XdpFailure, blocked, xdpNeeds), devices.FirstOrDefault(), xdpNeeds), bare);
        return new Diagnosis(tc.Verdict != Verdict.Missing, [.. conditions, tc, generic, native]);
    }

    static CheckResult CheckPrivileges(HostFacts facts)
    {
        if (facts.IsInUserNamespace)
            return new("privileges", Verdict.Missing, "held in a user namespace only, where no program can be loaded",
                "run it on the machine itself, or with an engine that is not rootless and does not remap users");
        var missing = Privileges.FindMissing(facts.Capabilities);
        return missing.Length == 0
            ? new("privileges", Verdict.Ok, "all that is needed")
            : new("privileges", Verdict.Missing, $"no {string.Join(", ", missing)}", Remedies.Privileges);
    }

    static CheckResult CheckLibBpf(string? version) =>
        version is null
            ? new("libbpf", Verdict.Missing, $"{LibBpf.Library} is not installed", Remedies.LibBpf)
            : new("libbpf", Verdict.Ok, version);

    static CheckResult CheckBpffs(HostFacts facts) => (facts.HasBpffs, facts.Has(Capability.SysAdmin)) switch
    {
        (true, _) when facts.IsBpffsReadOnly => new("bpffs", Verdict.Missing, "mounted read-only on /sys/fs/bpf: nothing can be pinned there",
            "mount -o remount,rw /sys/fs/bpf; for a container: its volume without ':ro'; in a systemd unit: ProtectKernelTunables=no"),
        (true, _) => new("bpffs", Verdict.Ok, "mounted on /sys/fs/bpf"),
        (false, true) => new("bpffs", Verdict.Ok, "not mounted on /sys/fs/bpf, but 'ebpf-lb run' will mount it"),
        _ => new("bpffs", Verdict.Missing, "not mounted on /sys/fs/bpf, and mounting it needs CAP_SYS_ADMIN",
            "mount -t bpf bpffs /sys/fs/bpf; for a container: docker volume create --opt type=bpf --opt device=bpffs bpffs, "
            + "then --volume bpffs:/sys/fs/bpf"),
    };

    static CheckResult CheckForwarding(HostFacts facts)
    {
        if (facts.Forwards)
            return new("forwarding", Verdict.Ok, "enabled");
        var setting = facts.Devices is [{ Device: { } device }, ..]
            ? Forwarding.Setting(device.Name, AddressFamily.InterNetwork) : Forwarding.GlobalSetting;
        return new("forwarding", Verdict.Warn,
            $"disabled: the kernel names no next hop, and only backends on the same link are reached{Others(facts)}",
            $"{Forwarding.Remedy(setting)}; for a container: --sysctl {Forwarding.GlobalSetting}=1");
    }

    static string Others(HostFacts facts) => facts.Devices.Count < 2
        ? ""
        : $"; replies by {string.Join(", ", facts.Devices.Skip(1).Select(device => device.Name))} to clients there are lost";

    /// <summary>Checks an interface towards backends: their replies must be forwarded too.</summary>
    static IEnumerable<CheckResult> CheckOther(DeviceFacts device)
    {
        (bool IsOn, AddressFamily Family)[] families =
        [
            (device.Forwards, AddressFamily.InterNetwork), (device.ForwardsIpv6 ?? true, AddressFamily.InterNetworkV6),
        ];
        foreach (var (_, family) in families.Where(family => !family.IsOn))
        {
            yield return new($"{device.Name} forwarding", Verdict.Warn,
                $"disabled for {EndPoints.NameOf(family)}: packets from {device.Name} to another "
                + "interface are lost", Forwarding.Remedy(Forwarding.Setting(device.Name, family)));
        }
        yield return CheckDevice(device);
    }

    /// <summary>Empty if the interface has no IPv6.</summary>
    static CheckResult[] CheckIpv6Forwarding(DeviceFacts device) => device.ForwardsIpv6 switch
    {
        null => [],
        true => [new("IPv6 forwarding", Verdict.Ok, "enabled")],
        false =>
        [
            new("IPv6 forwarding", Verdict.Warn,
                "disabled: XDP passes IPv6 to tc, and only backends on the same link are reached",
                $"{Forwarding.Remedy(Forwarding.Setting(device.Name, AddressFamily.InterNetworkV6))} (with accept_ra=2 where routers announce its addresses); "
                + "for a container: --sysctl net.ipv6.conf.all.forwarding=1"),
        ],
    };

    static CheckResult CheckSubstitutePorts(HostFacts facts)
    {
        var ports = new SnatPorts(facts.LocalPorts);
        if (!ports.NeedReservation)
            return new("NAT ports", Verdict.Ok, $"clients' own, else {ports.Substitutes} beside the local range {ports.Local}");
        if (facts.CanReservePorts)
            return new("NAT ports", Verdict.Ok, $"clients' own, else {ports.Substitutes}, which run reserves in the local range {ports.Local}");
        return new("NAT ports", Verdict.Warn,
            $"{ports.Substitutes} are in the local range {ports.Local} and cannot be reserved: local connections may get them too",
            $"{PortReservation.Remedy(ports.Substitutes)}; for a container the same with --sysctl");
    }

    static CheckResult CheckDevice(DeviceFacts device) => device switch
    {
        { Device: null } => new(
            device.Name, Verdict.Missing, "no such interface in this network namespace", "name one that 'ip link' lists"),
        _ when device.Flags.HasFlag(InterfaceFlags.Loopback) => new(
            device.Name, Verdict.Missing, "the loopback, where packets of this machine alone arrive",
            "name the interface that clients' packets arrive on"),
        _ when !device.Flags.HasFlag(InterfaceFlags.Up) => new(device.Name, Verdict.Missing, "down", $"ip link set {device.Name} up"),
        _ when !device.Flags.HasFlag(InterfaceFlags.Running) => new(
            device.Name, Verdict.Warn, "up without a carrier: no packet arrives",
            "plug its cable in; a veth needs its peer up, and a bridge a port that is up"),
        { Addresses.IsEmpty: true } => new(
            device.Name, Verdict.Missing, "no address that other machines could reach",
            $"ip address add ADDRESS/LENGTH dev {device.Name}"),
        { Device: var found } => new(device.Name, Verdict.Ok,
            $"up, {string.Join(", ", device.Addresses)}, {(found.IsVirtual ? "virtual" : $"driver {found.Driver}")}"),
    };

    static CheckResult CheckHook(HookKind hook, string? failure, bool blocked, string needs) =>
        failure is null && !blocked
            ? new($"hook {hook.ToConfigString()}", Verdict.Ok, $"the programs load {needs}")
            : new($"hook {hook.ToConfigString()}", Verdict.Missing, blocked ? $"see what is missing above {needs}" : failure!);

    /// <summary>A program that loads may be the slower one.</summary>
    static CheckResult WithTcRefusal(CheckResult tc, string? refusal) => tc.Verdict == Verdict.Missing || refusal is null
        ? tc
        : tc with
        {
            Verdict = Verdict.Warn,
            Observation = $"{tc.Observation}, but tc needs more time per packet: {refusal}",
            Remedy = "sysctl -w net.core.bpf_jit_enable=1 if it is 0; otherwise nothing, it works",
        };

    /// <summary>XDP needs Ethernet.</summary>
    /// <param name="check">The hook's.</param>
    /// <param name="bare">An interface without Ethernet, or null.</param>
    static CheckResult WithLinkLayer(CheckResult check, NetworkDevice? bare) => check.Verdict == Verdict.Missing || bare is null
        ? check
        : check with
        {
            Verdict = Verdict.Missing,
            Observation = $"packets of {bare.Name} have no Ethernet header",
            Remedy = TcRemedy,
        };

    /// <summary>Native XDP depends on the driver as well.</summary>
    static CheckResult WithDriver(CheckResult loads, NetworkDevice? device, string needs) => (loads.Verdict, device) switch
    {
        (Verdict.Missing, _) => loads,
        (_, null) => loads with
        {
            Verdict = Verdict.Warn,
            Observation = $"depends on the interface's driver {needs}",
            Remedy = "run doctor with --interface NAME",
        },
        (_, { CanTransmitXdp: false }) => loads with
        {
            Verdict = Verdict.Warn,
            Observation = $"the peer of this veth has neither an XDP program nor GRO, and would drop all that is sent {needs}",
            Remedy = VethPeer.Remedy,
        },
        (_, { Driver: "veth", CanTransmitXdp: true }) => loads with { Observation = $"{loads.Observation}, and the peer receives what they send" },
        (_, { IsVirtual: true }) => loads with
        {
            Verdict = Verdict.Warn,
            Observation = $"virtual devices refuse native XDP, or lose what it sends back {needs}",
            Remedy = TcRemedy,
        },
        _ => loads with { Observation = $"{loads.Observation}; driver {device.Driver} may still refuse them when they are attached" },
    };
}
