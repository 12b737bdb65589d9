namespace EbpfLb;

/// <summary>What the tables have room for. A test compares these numbers with the compiled objects.</summary>
static class Capacity
{
    public const int Interfaces = 16;
    public const int Services = 1024;
    public const int Backends = 4096;
}
