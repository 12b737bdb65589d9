using Docker.DotNet;

namespace EbpfLb.Lab.Engine;

/// <summary>The container engine: found once, cleaned before and after, with the lab's images built.</summary>
public class LabEngine : IAsyncDisposable
{
    readonly LabCleaner _cleaner;

    public LabEngine()
    {
        Docker = new DockerClientBuilder().Build();
        _cleaner = new LabCleaner(Docker);
    }

    internal IDockerClient Docker { get; }

    /// <summary>The image of the balancer, built from the repository as it is.</summary>
    public string BalancerImage => Images.Balancer;

    /// <summary>The image of a web server that answers with its own name: nginxdemos/hello, or its stand-in.</summary>
    public string BackendImage => Images.Backend;

    /// <summary>What marks everything that this run starts, so that all of it is removed at its end, or at the next start.</summary>
    public static IReadOnlyDictionary<string, string> Labels => LabRun.Labels;

    internal LabImages Images { get; private set; } = null!;

    internal Privileges Privileges { get; private set; } = null!;

    /// <summary>Finds the engine, removes what killed runs left, and builds the images.</summary>
    public virtual async ValueTask InitializeAsync()
    {
        await SpeakTheEnginesVersionAsync();
        await RemoveLeftoversAsync();
        Images = await LabImages.BuildAsync();
        Privileges = await Privileges.FindAsync(Docker, Images.Client);
    }

    /// <summary>Removes what killed runs left, and logs what the engine does not remove.</summary>
    internal async Task RemoveLeftoversAsync()
    {
        foreach (var resistance in await _cleaner.RemoveLeftoversAsync())
            LabContext.Current.WriteLine($"Left behind by a former lab: {resistance}");
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (LabRun.IsKept)
            await Console.Error.WriteLineAsync(LabRun.HowToLook);
        else
            await StepTimes.MeasureAsync(Step.Teardown, _cleaner.RemoveOwnAsync);
        await (Images?.EndBuildsAsync() ?? Task.CompletedTask);
        StepTimes.Write();
        Docker.Dispose();
    }

    /// <summary>Starts to build the images that only some specs ask for.</summary>
    protected void BuildAhead() => Images.BuildAhead();

    async Task<string> FindVersionAsync()
    {
        try
        {
            return (await Docker.System.GetVersionAsync()).APIVersion;
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or TimeoutException)
        {
            throw new LabException(
                $"No container engine answers: {fault.Message} 'lab/setup lab' installs and starts one.", fault);
        }
    }

    /// <summary>
    /// Testcontainers speaks one fixed API version, too new for some engines and too old for others, unless it is told.
    /// It reads the variables when it is first touched, so this comes before. Its reaper is an image of its own,
    /// which cannot be pulled everywhere: the cleaner does that work instead.
    /// </summary>
    async Task SpeakTheEnginesVersionAsync()
    {
        Environment.SetEnvironmentVariable("DOCKER_API_VERSION", await FindVersionAsync());
        Environment.SetEnvironmentVariable("TESTCONTAINERS_RYUK_DISABLED", "true");
    }
}
