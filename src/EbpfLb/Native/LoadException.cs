namespace EbpfLb.Native;

/// <summary>The kernel or libbpf refused to load an eBPF object.</summary>
sealed class LoadException : NativeException
{
    readonly string _name;

    /// <param name="errno">Positive.</param>
    /// <param name="log">libbpf's warnings, with the verifier's log.</param>
    public LoadException(string name, int errno, string log)
        : this(name, errno, log, VerifierRefusal.Find(log), cause: null)
    {
    }

    LoadException(string name, int errno, string log, VerifierRefusal? refusal, string? cause)
        : base(errno, Sentence(name, errno, log, refusal, cause))
    {
        _name = name;
        Refusal = refusal;
        Log = log;
    }

    /// <summary>The verifier's verdict, or null if something else failed.</summary>
    public VerifierRefusal? Refusal { get; }

    /// <summary>The same failure, with what the caller knows of its cause.</summary>
    public LoadException Because(string cause) => new(_name, Number, Log!, Refusal, cause);

    static string Sentence(string name, int errno, string log, VerifierRefusal? refusal, string? cause)
    {
        var operation = $"loading the eBPF object {name}";
        if (refusal is null && cause is null)
            return Sentence(operation, errno, BpfLog.Summary(log));
        string?[] parts = [$"{operation} failed", Errno.Name(errno), refusal?.ToString() ?? BpfLog.Summary(log), cause];
        return $"{string.Join(": ", parts.OfType<string>())}.";
    }
}
