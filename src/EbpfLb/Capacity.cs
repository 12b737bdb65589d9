namespace EbpfLb;

/// <summary>The sizes of the compiled objects' tables; a test compares them. The configuration sets others at the load.</summary>
static class Capacity
{
    public const int Interfaces = 16;
    public const int Sockets = 32_768;
    public const int Services = 1024;
    public const int Backends = 4096;

    /// <summary>What one balancer is attached to.</summary>
    public const int Cgroups = 16;
}
