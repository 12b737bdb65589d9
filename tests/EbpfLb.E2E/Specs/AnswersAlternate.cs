using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>Requests, each on a connection of its own, go to the backends in turn: exactly.</summary>
public abstract class AnswersAlternate(HookLab lab, Family family) : Spec(lab, family)
{
    [Fact]
    public async Task Twenty_requests_alternate_between_two_backends_ten_and_ten()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));

        var answers = await Lab.Client.GetAsync(balancer, times: 20);

        Turns.AssertExact(answers.Select(answer => answer.Server), Lab.A, Lab.B);
    }

    [Fact]
    public async Task Requests_rotate_through_three_backends()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B, Lab.C));

        var answers = await Lab.Client.GetAsync(balancer, times: 18);

        Turns.AssertExact(answers.Select(answer => answer.Server), Lab.A, Lab.B, Lab.C);
    }

    [Fact]
    public async Task Each_answer_comes_from_the_backend_that_got_the_request()
    {
        var balancer = await Lab.BalanceAsync(Service.Web(Lab.A, Lab.B));

        var answers = await Lab.Client.GetAsync(balancer, times: 4);

        await AccessLogs.AssertTellTheSameAsync(answers, Lab.A, Lab.B);
    }

    [Collection<OverTc>]
    public sealed class Tc(TcLab lab) : AnswersAlternate(lab, Family.IPv4);

    [Collection<OverTcAndIPv6>]
    public sealed class TcOverIPv6(OtherTcLab lab) : AnswersAlternate(lab, Family.IPv6);

    [Collection<OverGenericXdp>]
    public sealed class GenericXdp(GenericXdpLab lab) : AnswersAlternate(lab, Family.IPv4);

    [Collection<OverGenericXdpAndIPv6>]
    public sealed class GenericXdpOverIPv6(OtherGenericXdpLab lab) : AnswersAlternate(lab, Family.IPv6);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdp(NativeXdpLab lab) : AnswersAlternate(lab, Family.IPv4);

    [Collection<OverNativeXdp>]
    public sealed class NativeXdpOverIPv6(NativeXdpLab lab) : AnswersAlternate(lab, Family.IPv6);
}
