namespace EbpfLb.Lab;

/// <summary>A build of the balancer.</summary>
public sealed record BalancerBuild
{
    internal BalancerBuild(string image) => Image = image;

    internal string Image { get; }
}
