using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>What a user can do about the refusals of the kernel and of libraries.</summary>
static class Remedies
{
    /// <summary>What pins need.</summary>
    public const string Pins = "Run it as root, where nothing mounts the bpf file system read-only (as systemd's "
        + "ProtectKernelTunables= and a container's `:ro` do).";

    /// <summary>How to run a command in the namespaces of a balancer that runs elsewhere.</summary>
    public const string EnterNamespaces = "`docker exec CONTAINER`, or `nsenter --target PID --net --mount`";

    /// <summary>The package of libbpf to install.</summary>
    public const string LibBpf = "apt-get install libbpf1 (Fedora: dnf install libbpf)";

    /// <summary>How a process gets the privileges that loading and attaching programs need.</summary>
    public const string Privileges = "run it as root; in a container add CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON, "
        + "or CAP_NET_ADMIN and CAP_SYS_ADMIN where the engine does not know CAP_BPF";

    /// <summary>The message of an error, and its remedy if there is one.</summary>
    public static string Explain(this Exception error) => error switch
    {
        NoNativeXdpException => $"{error.Message} Its driver has no native XDP. Use --hook tc.",
        NativeException { Number: Errno.EPERM } => $"{error.Message} A privilege is missing: {Privileges}. `ebpf-lb doctor` shows what is missing.",
        PinException { Number: Errno.EACCES or Errno.EROFS } => $"{error.Message} {Pins}",
        BpfMapSizeException => $"{error.Message} Another version of ebpf-lb made it: detach it first with that version.",
        DllNotFoundException => $"{Native.LibBpf.Library} could not be loaded. Install it: {LibBpf}.",
        _ => error.Message,
    };
}
