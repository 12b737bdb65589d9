using Docker.DotNet;

namespace EbpfLb.Lab.Engine;

/// <summary>The container engine: found once, swept before and after, with the lab's images built.</summary>
public class LabEngine : IAsyncDisposable
{
    readonly Sweeper _sweeper;

    public LabEngine()
    {
        Docker = new DockerClientBuilder().Build();
        _sweeper = new Sweeper(Docker);
    }

    internal IDockerClient Docker { get; }

    internal LabImages Images { get; private set; } = null!;

    internal Privileges Privileges { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await SpeakTheEnginesVersionAsync();
        foreach (var resistance in await _sweeper.RemoveLeftoversAsync())
            LabContext.Current.WriteLine($"Left behind by a former lab: {resistance}");
        Images = await LabImages.BuildAsync();
        Privileges = await Privileges.FindAsync(Docker, Images.Client);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (LabRun.IsKept)
            await Console.Error.WriteLineAsync(LabRun.HowToLook);
        else
            await _sweeper.RemoveOwnAsync();
        Docker.Dispose();
    }

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
    /// which cannot be pulled everywhere: the sweeper does that work instead.
    /// </summary>
    async Task SpeakTheEnginesVersionAsync()
    {
        Environment.SetEnvironmentVariable("DOCKER_API_VERSION", await FindVersionAsync());
        Environment.SetEnvironmentVariable("TESTCONTAINERS_RYUK_DISABLED", "true");
    }
}
