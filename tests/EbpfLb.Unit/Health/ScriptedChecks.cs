using System.Collections.Concurrent;
using System.Net;
using EbpfLb.Configuration;
using EbpfLb.Health;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Health;

/// <summary>Checks that find what they are told to: each its script in turn, the last letter for ever.</summary>
sealed class ScriptedChecks : IHealthCheck
{
    readonly ConcurrentDictionary<IPEndPoint, (string Script, int Made)> _scripts = new();

    /// <param name="backend">Whose checks.</param>
    /// <param name="script">A '+' is a good check, a '-' a failed one, a '0' one that could not be made.</param>
    public void Say(BackendSnapshot backend, string script) => _scripts[backend.EndPoint] = (script, 0);

    public int MadeOf(BackendSnapshot backend) => _scripts[backend.EndPoint].Made;

    public ValueTask<CheckOutcome> RunAsync(IPEndPoint at, HealthConfiguration how, CancellationToken cancellation)
    {
        var (script, made) = _scripts.AddOrUpdate(
            at, _ => throw new InvalidOperationException($"nobody said how {at} is"), (_, now) => now with { Made = now.Made + 1 });
        return ValueTask.FromResult(script[Math.Min(made, script.Length) - 1] switch
        {
            '+' => CheckOutcome.Healthy,
            '-' => CheckOutcome.Failed("no answer"),
            _ => CheckOutcome.Inconclusive("no port is left."),
        });
    }
}
