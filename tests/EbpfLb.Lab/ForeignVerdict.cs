namespace EbpfLb.Lab;

/// <summary>What a foreign tcx program returns for a packet that it does not drop.</summary>
public enum ForeignVerdict
{
    /// <summary>TCX_NEXT (TC_ACT_UNSPEC): the next program decides.</summary>
    Next,

    /// <summary>TCX_PASS (TC_ACT_OK): the stack gets the packet, and no later program sees it.</summary>
    Pass,
}
