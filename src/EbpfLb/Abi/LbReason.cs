namespace EbpfLb.Abi;

/// <summary>
/// Mirror of <c>enum lb_reason</c>: why a packet got its verdict. Its range of 16 values says what happens to the packet.
/// </summary>
enum LbReason : uint
{
    Continue,
    SentToBackend = 16,
    SentToClient,
    SentIcmpError,
    SentTimeExceeded,
    SentTooBig,
    SentUnreachable,
    PassNotIp = 32,
    PassProtocol,
    PassFragment,
    PassMalformed,
    PassNoService,
    PassToTc,
    PassOtherHost,
    PassMartian,
    RefuseUnknownFlow = 48,
    RefuseNoBackend,
    RefuseNoPort,
    RefuseNoFlow,
    RefuseNoRoute,
    RefuseNoSource,
    DropTtl = 64,
    DropTooBig,
    DropNoRoute,
    DropIcmpLimit,
    DropRewrite,
    DropReversePath,
}
