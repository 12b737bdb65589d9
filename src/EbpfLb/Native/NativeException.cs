namespace EbpfLb.Native;

/// <summary>The kernel or libbpf refused an operation.</summary>
class NativeException : LoadBalancerException
{
    public NativeException(string operation, int errno, string? detail = null)
        : this(errno, Sentence(operation, errno, detail))
    {
    }

    /// <param name="errno">Positive.</param>
    protected NativeException(int errno, string sentence)
        : base(sentence) => Number = errno;

    /// <summary>The error number, positive.</summary>
    public int Number { get; }

    protected static string Sentence(string operation, int errno, string? detail)
    {
        var sentence = $"{operation} failed: {Errno.Describe(errno)}.";
        return string.IsNullOrWhiteSpace(detail) ? sentence : $"{sentence} The kernel says: {detail}";
    }
}

/// <summary>The driver of an interface has no native XDP.</summary>
sealed class NoNativeXdpException(string device) : NativeException($"attaching to the XDP hook of {device}", Errno.EOPNOTSUPP);

/// <summary>The kernel refused to open a pin.</summary>
sealed class PinException(string path, int errno) : NativeException($"opening the pin {path}", errno);
