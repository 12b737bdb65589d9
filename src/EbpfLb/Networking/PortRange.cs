namespace EbpfLb.Networking;

/// <summary>Ports from <paramref name="First"/> to <paramref name="Last"/>, both included.</summary>
readonly record struct PortRange(ushort First, ushort Last)
{
    public int Count => Math.Max(0, Last - First + 1);

    public override string ToString() => $"{First}-{Last}";
}
