namespace EbpfLb.Commands;

/// <summary>What the process tells the shell.</summary>
static class ExitCode
{
    public const int Ok = 0;

    /// <summary>A privilege, an interface, a name or the kernel was in the way.</summary>
    public const int Failed = 1;

    /// <summary>The command line or the configuration is wrong.</summary>
    public const int Usage = 2;
}
