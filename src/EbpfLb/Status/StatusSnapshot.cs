using EbpfLb.Datapath;

namespace EbpfLb.Status;

/// <summary>All statuses at one moment.</summary>
/// <param name="Instances">Those that could be read.</param>
/// <param name="Errors">Why others could not, as sentences.</param>
sealed record StatusSnapshot(IReadOnlyList<InstanceStatus> Instances, IReadOnlyList<string> Errors)
{
    /// <summary>The sentence for <see cref="IsEmpty"/>.</summary>
    public const string NothingAttached = "nothing is attached in this network namespace. Start `ebpf-lb run`, or run this command "
        + $"where the balancer runs: {Remedies.EnterNamespaces}.";

    /// <summary>The interfaces where <c>ebpf-lb decapsulate</c> removes outer headers.</summary>
    public IReadOnlyList<DecapsulatorStatus> Decapsulators { get; init; } = [];

    /// <summary>True if nothing is attached. False if an error hides whether it is.</summary>
    public bool IsEmpty => Instances.Count + Errors.Count + Decapsulators.Count == 0;
}

/// <param name="Packets">By what was done with them, as printed: <c>ipip</c>, <c>gue</c>, <c>malformed</c>.</param>
sealed record DecapsulatorStatus(string Interface, IReadOnlyList<(string What, ulong Packets)> Packets);
