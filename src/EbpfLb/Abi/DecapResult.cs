namespace EbpfLb.Abi;

/// <summary>Mirror of <c>enum decap_result</c>: what the program of <c>decapsulate</c> did with a packet.</summary>
enum DecapResult : uint
{
    /// <summary>It removed an outer IP header.</summary>
    Ipip,

    /// <summary>It removed an outer IP and UDP header.</summary>
    Gue,

    /// <summary>A tunnel's packet that is for no address of the interface passed.</summary>
    PassOther,

    /// <summary>A tunnel's packet without a readable inner packet passed.</summary>
    PassMalformed,

    /// <summary>Congestion was marked, and the inner packet cannot say so.</summary>
    DropEcn,

    /// <summary>The kernel could not remove the header.</summary>
    DropRewrite,
}
