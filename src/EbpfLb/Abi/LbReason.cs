namespace EbpfLb.Abi;

/// <summary>Mirror of <c>enum lb_reason</c>: why a packet got its verdict.</summary>
enum LbReason : uint
{
    Continue,
    SentToBackend,
    SentToClient,
    SentIcmpError,
    SentTimeExceeded,
    SentTooBig,
    SentUnreachable,
    PassNotIp,
    PassProtocol,
    PassFragment,
    PassMalformed,
    PassNoService,
    PassToTc,
    RefuseUnknownFlow,
    RefuseNoBackend,
    RefuseNoPort,
    RefuseNoFlow,
    RefuseNoRoute,
    RefuseNoSource,
    DropTtl,
    DropTooBig,
    DropNoRoute,
    DropIcmpLimit,
    DropRewrite,
}
