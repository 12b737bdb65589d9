namespace EbpfLb;

/// <summary>
/// What the compiled objects' tables have room for; a test compares these numbers with them. The configuration sets
/// other numbers of services and backends at the load.
/// </summary>
static class Capacity
{
    public const int Interfaces = 16;
    public const int Sockets = 32_768;
    public const int Services = 1024;
    public const int Backends = 4096;

    /// <summary>What one balancer is attached to.</summary>
    public const int Cgroups = 16;
}
