using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// A promise of the balancer, kept over every hook that can carry it: a spec states it once, and has one small class
/// per hook, and per family of addresses where that matters. Whatever else a spec is about, its balancers must end well.
/// </summary>
/// <param name="lab">Where it is kept.</param>
/// <param name="family">Of the addresses that its traffic goes to.</param>
/// <param name="loads">Whether it loads the machine: then no other such spec runs beside it.</param>
public abstract class Spec(HookLab lab, Family family = Family.IPv4, bool loads = false) : IAsyncLifetime
{
    readonly DateTime _began = DateTime.UtcNow;
    IReadOnlyList<Capture> _captures = [];
    bool _isAlone;

    protected HookLab Lab { get; } = lab;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(family == Family.IPv6 && Lab.ObstacleToIPv6 is not null, Lab.ObstacleToIPv6 ?? "");
        Lab.Speak(family);
        if (loads)
        {
            await Lanes.Busy.WaitAsync(TestContext.Current.CancellationToken);
            _isAlone = true;
        }
        _captures = await Capture.StartAsync(Lab.Client, Lab.OtherClient, Lab.Host);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        var failed = TestContext.Current.TestState?.Result == TestResult.Failed;
        try
        {
            await Task.WhenAll(_captures.Select(capture => capture.EndAsync()));
            if (!failed)
                await Lab.EndBalancersAsync();
        }
        catch
        {
            failed = true;
            throw;
        }
        finally
        {
            if (_isAlone)
                Lanes.Busy.Release();
            if (failed)
            {
                await Evidence.AttachAsync(Lab, since: _began);
                await Task.WhenAll(_captures.Select(capture => capture.AttachAsync()));
                await Lab.RenewAsync();
            }
        }
    }
}
