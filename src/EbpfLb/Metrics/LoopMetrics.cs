using EbpfLb.Flows;
using Prometheus;

namespace EbpfLb.Metrics;

/// <summary>Metrics of the control loop, which no map has.</summary>
sealed class LoopMetrics
{
    /// <summary>Passes are due every few seconds: after this time without one the loop is stuck.</summary>
    public static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(20);

    readonly TimeProvider _time;
    readonly Histogram _passes;
    readonly Histogram _collections;
    readonly Counter _changes;
    long _lastPass;

    public LoopMetrics(TimeProvider time)
    {
        _time = time;
        _lastPass = time.GetTimestamp();
        var factory = Prometheus.Metrics.WithCustomRegistry(Registry);
        _passes = factory.CreateHistogram("ebpf_lb_reconcile_duration_seconds", "Passes of the loop that writes the tables.",
            new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.001, 2, 12) });
        _changes = factory.CreateCounter("ebpf_lb_reconcile_changes_total", "Entries of the tables that passes wrote or removed.");
        _collections = factory.CreateHistogram("ebpf_lb_sweep_duration_seconds", "Scans of the flow tables that remove idle flows.",
            new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(0.001, 4, 8) });
    }

    public CollectorRegistry Registry { get; } = Prometheus.Metrics.NewCustomRegistry();

    /// <summary>Since the last complete pass, or since the start.</summary>
    public TimeSpan TimeSinceLastPass => _time.GetElapsedTime(Interlocked.Read(ref _lastPass));

    /// <summary>Measures a pass, which returns the number of changed entries and whether it was complete.</summary>
    public void ObservePass(Func<(int Changes, bool IsWhole)> apply)
    {
        var began = _time.GetTimestamp();
        var (changes, isWhole) = apply();
        _changes.Inc(changes);
        if (!isWhole)
            return;
        _passes.Observe(_time.GetElapsedTime(began).TotalSeconds);
        Interlocked.Exchange(ref _lastPass, _time.GetTimestamp());
    }

    public void ObserveGc(GcResult result) => _collections.Observe(result.Duration.TotalSeconds);
}
