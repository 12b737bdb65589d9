namespace EbpfLb.Lab.Engine;

/// <summary>One run of the suite: the labels that everything it starts carries, and the wish to keep it all.</summary>
static class LabRun
{
    /// <summary>The label that says which run a container, network or volume belongs to.</summary>
    public const string RunLabel = "ebpf-lb.lab";

    /// <summary>The label that says which process that run is.</summary>
    public const string OwnerLabel = "ebpf-lb.lab.owner";

    public static string Id { get; } = Guid.NewGuid().ToString("N")[..8];

    public static IReadOnlyDictionary<string, string> Labels { get; } = new Dictionary<string, string>
    {
        [RunLabel] = Id,
        [OwnerLabel] = LabOwner.Self.ToString(),
    };

    /// <summary>What to do with a lab that is kept.</summary>
    public static string HowToLook { get; } =
        $"""
        This lab is kept until the next run. To look at it:
          docker ps --all --filter label={RunLabel}={Id}   its containers
          docker logs NAME                              what a balancer printed
          docker exec NAME ebpf-lb status               what a running balancer has attached
          docker exec -it NAME bash                     a shell on a host or a client
        """;

    /// <summary>Whether the lab is kept for a look after the run, until the next one.</summary>
    public static bool IsKept { get; } = IsSet("EBPFLB_LAB_KEEP");

    /// <summary>Whether balancers run with every privilege there is.</summary>
    public static bool IsPrivileged { get; } = IsSet("EBPFLB_LAB_PRIVILEGED");

    /// <summary>Whether the packets of each spec are captured, and attached to its result where it fails.</summary>
    public static bool Captures { get; } = IsSet("EBPFLB_LAB_CAPTURE");

    static bool IsSet(string variable) => Environment.GetEnvironmentVariable(variable) is "1" or "true";
}
