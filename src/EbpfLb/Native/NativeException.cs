namespace EbpfLb.Native;

/// <summary>The kernel or libbpf refused an operation.</summary>
class NativeException : LoadBalancerException
{
    public NativeException(string operation, int errno, string? detail = null, string? remedy = null)
        : this(errno, Sentence(operation, errno, detail, remedy ?? Remedy(errno)))
    {
    }

    /// <param name="errno">Positive.</param>
    /// <param name="sentence">The whole message.</param>
    protected NativeException(int errno, string sentence)
        : base(sentence) => Number = errno;

    /// <summary>The error number, positive.</summary>
    public int Number { get; }

    protected static string Sentence(string operation, int errno, string? detail, string? remedy)
    {
        var sentence = $"{operation} failed: {Errno.Describe(errno)}.";
        if (!string.IsNullOrWhiteSpace(detail))
            sentence += $" The kernel says: {detail}";
        return remedy is null ? sentence : $"{sentence} {remedy}";
    }

    protected static string? Remedy(int errno) => errno switch
    {
        Errno.EPERM => "Give the process CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON (or CAP_NET_ADMIN and CAP_SYS_ADMIN), "
            + "or run it as root; `ebpf-lb doctor` shows what is missing.",
        _ => null,
    };
}
