using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>The kernel that an eBPF object needs.</summary>
/// <param name="Oldest">The first version that is known to have what the object uses.</param>
/// <param name="Why">What that version brought.</param>
sealed record KernelNeed(string Object, Version Oldest, string Why)
{
    const string Help = "docs/troubleshooting.md";

    /// <summary>For the objects that every supported kernel loads.</summary>
    static readonly Version Supported = OldestOn(RuntimeInformation.OSArchitecture);

    /// <summary>Reads the kernel's checksum state of a packet, which saves time; otherwise as <see cref="TcCompat"/>.</summary>
    public static KernelNeed Tc { get; } = new("lb_tc", new(6, 2), "bpf_cast_to_kern_ctx");
    public static KernelNeed TcCompat { get; } = new("lb_tc_compat", Supported, "atomics and global functions with pointers");
    public static KernelNeed Xdp { get; } = new("lb_xdp", Supported, TcCompat.Why);
    public static KernelNeed Sock { get; } = new("lb_sock", Supported, "links to cgroups, and the hooks of their sockets");
    public static KernelNeed Decap { get; } = new(Decapsulator.Object, Supported, TcCompat.Why);

    /// <summary>Major and minor version of the running kernel.</summary>
    public static Version Running { get; } = new(Environment.OSVersion.Version.Major, Environment.OSVersion.Version.Minor);

    /// <summary>The fastest tc object that the running kernel should load.</summary>
    public static KernelNeed BestTc => Tc.IsMetBy(Running) && KernelTypes.AreDescribed ? Tc : TcCompat;

    /// <summary>The supported minimum: arm64 compiles atomics that return a value since 5.18.</summary>
    public static Version OldestOn(Architecture architecture) => architecture == Architecture.Arm64 ? new(5, 18) : new(5, 15);

    public bool IsMetBy(Version kernel) => kernel >= Oldest;

    /// <summary>
    /// Adds to a failed load which kernel the object needs and which kernel runs. A version below the minimum is no reason
    /// to refuse before the load: distributions carry later parts back (RHEL 9 names its kernel 5.14).
    /// </summary>
    /// <returns>The failure unchanged if it does not depend on the kernel's version, such as too large a map.</returns>
    public LoadException Explain(LoadException failure, Version kernel) => (IsMetBy(kernel), failure) switch
    {
        (false, { Refusal: not null } or { Number: Errno.EINVAL or Errno.ENOTSUPP or Errno.EOPNOTSUPP }) =>
            failure.Because($"this kernel is {kernel}, and {Object} needs {Oldest} or later for {Why} ({Help})"),
        (true, { Refusal: not null }) => failure.Because(
            $"this kernel is {kernel}, and {Object} is made for {Oldest} and later: report what --verbose prints ({Help})"),
        _ => failure,
    };
}
