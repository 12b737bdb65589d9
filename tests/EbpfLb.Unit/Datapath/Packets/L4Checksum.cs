namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>What a packet's TCP or UDP checksum field holds.</summary>
public enum L4Checksum
{
    /// <summary>The checksum of header and payload.</summary>
    Complete,

    /// <summary>The pseudo header's sum, for the sender's hardware to complete (Linux's CHECKSUM_PARTIAL).</summary>
    Partial,

    /// <summary>Zero: in UDP, "not computed".</summary>
    None,

    /// <summary>Neither of these.</summary>
    Wrong,
}
