using System.Collections.Immutable;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using EbpfLb.Configuration;
using EbpfLb.Providers;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Health;

/// <summary>Checks the backends that providers give, and leaves those that are down out of the choice for new flows.</summary>
/// <param name="check">Makes the checks.</param>
/// <param name="time">For the rests between them.</param>
/// <param name="logger">Told of what goes down and up.</param>
/// <param name="down">Backends that were down when a former process ended: they are until checks say otherwise.</param>
sealed partial class HealthWatch(
    IHealthCheck check, TimeProvider time, ILogger<HealthWatch> logger, IReadOnlySet<CheckedBackend>? down = null)
{
    readonly HashSet<(string Service, AddressFamily Family)> _allDown = [];
    int _checksAreNotMade;

    /// <summary>The services with what is known of their backends' health: at each change of either.</summary>
    public async IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> WatchAsync(
        IAsyncEnumerable<ImmutableArray<ServiceSnapshot>> provided, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var verdicts = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        await using var checkups = new Checkups(check, Made, fault => verdicts.Writer.TryComplete(fault), time, down);
        await using var services = new Followed<ImmutableArray<ServiceSnapshot>>(_ => provided, cancellation);
        await using var change = new Followed<bool>(verdicts.Reader.ReadAllAsync, cancellation);
        ImmutableArray<ServiceSnapshot> latest = [];
        while (true)
        {
            if (await Task.WhenAny(services.Next, change.Next) == change.Next)
                await change.TakeAsync();
            else
                checkups.Follow(latest = await services.TakeAsync());
            var judged = latest.Select(service => Judgement.Of(service, checkups.VerdictOf)).ToImmutableArray();
            TellWhereAllAreDown(judged);
            yield return judged;
        }

        void Made(Checkup checkup, Verdict before, CheckOutcome outcome)
        {
            Tell(checkup, before, outcome);
            if (checkup.Verdict.Health != before.Health)
                verdicts.Writer.TryWrite(true);
        }
    }

    void Tell(Checkup checkup, Verdict before, CheckOutcome outcome)
    {
        var (service, endPoint) = checkup.Backend;
        if (outcome.IsHealthy is null)
        {
            if (Interlocked.Exchange(ref _checksAreNotMade, 1) == 0)
                LogNotMade(endPoint.ToString(), service, outcome.Reason);
            return;
        }
        Volatile.Write(ref _checksAreNotMade, 0);
        if (checkup.Verdict.Health == before.Health)
            return;
        if (checkup.Verdict.Health == BackendHealth.Down)
            LogDown(endPoint.ToString(), service, checkup.How.Fall, outcome.Reason);
        else if (before.IsLeftOut)
            LogUp(endPoint.ToString(), service);
    }

    void TellWhereAllAreDown(ImmutableArray<ServiceSnapshot> services)
    {
        var allDown = services
            .SelectMany(service => service.Backends.GroupBy(backend => backend.Address.AddressFamily)
                .Where(Judgement.AreAllDown).Select(family => (service.Name, family.Key, WhenAllDown: service.Health?.WhenAllDown ?? AllDown.Refuse)))
            .ToDictionary(down => (down.Name, down.Key), down => down.WhenAllDown);
        foreach (var (name, family) in _allDown.Except(allDown.Keys).ToArray())
        {
            _allDown.Remove((name, family));
            LogNotAllDown(Word(family), name);
        }
        foreach (var ((name, family), policy) in allDown)
        {
            if (_allDown.Add((name, family)))
                LogAllDown(Word(family), name, policy == AllDown.Refuse ? "are refused" : "go to all of them");
        }
    }

    static string Word(AddressFamily family) => family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";

    [LoggerMessage(LogLevel.Warning, "backend {EndPoint} of service '{Service}' is down: {Fall} checks in a row failed, the last: {Reason}")]
    partial void LogDown(string endPoint, string service, int fall, string reason);

    [LoggerMessage(LogLevel.Information, "backend {EndPoint} of service '{Service}' is up")]
    partial void LogUp(string endPoint, string service);

    [LoggerMessage(LogLevel.Warning, "all {Family} backends of service '{Service}' are down: new flows {What}")]
    partial void LogAllDown(string family, string service, string what);

    [LoggerMessage(LogLevel.Information, "the {Family} backends of service '{Service}' are no longer all down")]
    partial void LogNotAllDown(string family, string service);

    [LoggerMessage(LogLevel.Warning, "the check of backend {EndPoint} of service '{Service}' could not be made here: {Reason} "
        + "Its health stays as it was known.")]
    partial void LogNotMade(string endPoint, string service, string reason);
}
