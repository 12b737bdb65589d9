namespace EbpfLb.E2E.Lab.Traffic;

/// <summary>What came of knocking at a port, and how soon.</summary>
public sealed record Knock(KnockResult Result, TimeSpan After);

/// <summary>Whether anybody is at a port.</summary>
public enum KnockResult
{
    /// <summary>A server took the connection.</summary>
    Open,

    /// <summary>The machine said that nobody is there.</summary>
    Refused,

    /// <summary>A machine on the way said that it gets no further.</summary>
    Unreachable,

    /// <summary>Nothing came back.</summary>
    Silence,
}
