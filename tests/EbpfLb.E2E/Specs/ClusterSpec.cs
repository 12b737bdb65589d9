using EbpfLb.Lab;
using EbpfLb.Lab.Clusters;
using EbpfLb.Lab.Roles;
using EbpfLb.Lab.Traffic;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// A promise of several balancers together. It is kept on tc alone: what the engines and other balancers see of a machine
/// does not depend on the hook, and the units hold every program to the flows of mode dsr that it takes up.
/// </summary>
/// <param name="lab">Where it is kept.</param>
/// <param name="family">Of the addresses that its traffic goes to.</param>
public abstract class ClusterSpec(ClusterLab lab, Family family) : IAsyncLifetime
{
    bool _loads;

    public ValueTask InitializeAsync()
    {
        Assert.SkipWhen(family == Family.IPv6 && lab.ObstacleToIPv6 is not null, lab.ObstacleToIPv6 ?? "");
        lab.Speak(family);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        try
        {
            if (TestContext.Current.TestState?.Result == TestResult.Failed)
                await lab.AttachEvidenceAsync();
            await lab.EndNodesAsync();
        }
        finally
        {
            if (_loads)
                Lanes.Busy.Release();
        }
    }

    /// <summary>Puts a constant load on the shared address, in this spec's turn among those that load the machine.</summary>
    private protected async Task<Load> StartLoadAsync()
    {
        await Lanes.Busy.WaitAsync(TestContext.Current.CancellationToken);
        _loads = true;
        return await lab.Client.StartLoadAsync(lab.Service);
    }

    /// <summary>Begins to fetch a file, and takes a quarter of it.</summary>
    private protected async Task<PacedDownload> StartDownloadAsync(RemoteFile file)
    {
        var download = await lab.OtherClient.StartDownloadAsync(lab.Service, file, megabytesPerSecond: 100);
        await download.TakeAsync(file.Megabytes / 4);
        return download;
    }

    /// <summary>Takes a quarter more, and the rest. Requires that every request got its answer, and the file arrived whole.</summary>
    private protected static async Task LostNothingAsync(Load load, PacedDownload download, RemoteFile file)
    {
        await download.TakeAsync(file.Megabytes / 4);
        var wasOver = await download.IsOverAsync();
        var arrived = await download.FinishAsync();
        var tally = await load.StopAsync();

        TestContext.Current.TestOutputHelper?.WriteLine($"{tally}; {arrived.Bytes} bytes arrived meanwhile");
        tally.LostNothing();
        Assert.False(wasOver, "The download was over before the last change");
        Assert.Equal(file, arrived);
    }
}
