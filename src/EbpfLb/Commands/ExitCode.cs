namespace EbpfLb.Commands;

static class ExitCode
{
    public const int Ok = 0;

    /// <summary>A privilege, an interface, a name or the kernel prevented the command.</summary>
    public const int Failed = 1;

    /// <summary>The command line or the configuration is wrong.</summary>
    public const int Usage = 2;
}
