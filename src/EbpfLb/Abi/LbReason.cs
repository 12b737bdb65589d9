namespace EbpfLb.Abi;

/// <summary>Mirror of <c>enum lb_reason</c>: why a packet got its verdict. Each range of 16 values is one action.</summary>
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
