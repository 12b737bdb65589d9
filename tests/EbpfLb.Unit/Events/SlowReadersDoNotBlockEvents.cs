using EbpfLb.Abi;
using EbpfLb.Events;
using EbpfLb.Flows;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Events;

/// <summary>An output that fails, or that nobody reads, costs reports and nothing else.</summary>
public sealed class SlowReadersDoNotBlockEvents
{
    static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    readonly Journal<FlowReporter> _journal = new();

    [Fact]
    public async Task The_ready_line_is_the_first()
    {
        using var lb = Balancer.On(Hook.Tc);
        var output = new Output();
        using var reporter = Reporter(lb, output);
        lb.ServeTcp(Hosts.Ip4.Web);

        lb.Receive(Some.Syn(Hosts.Ip4));

        var lines = await Eventually.That("two lines are written", () => output.Lines, lines => lines.Count == 2);
        Assert.Equal(["ready", "no-backend tcp 10.7.0.101:40001 -> web 10.7.0.1:80"], lines);
    }

    [Fact]
    public async Task A_full_disk_is_logged_once_and_survived()
    {
        using var lb = Balancer.On(Hook.Tc);
        var reporter = Reporter(lb, new Output { Fault = new IOException("full.") });

        reporter.ReportExpired(default, default, default, FlowEnd.Idle);
        reporter.Dispose();
        await reporter.Ended;

        Assert.Equal(["Error: reporting flows failed: full. Balancing continues."], _journal.Lines);
    }

    [Fact]
    public async Task A_stalled_reader_does_not_stop_collections_and_lost_events_are_logged()
    {
        using var lb = Balancer.On(Hook.Tc);
        using var opened = new ManualResetEventSlim();
        var output = new Output { Gate = opened };
        using var reporter = Reporter(lb, output);
        await Stalls(output);

        var collection = Task.Run(
            () =>
            {
                for (var i = 0; i < FlowReporter.QueueCapacity + 5; i++)
                    reporter.ReportExpired(default, new LbFlow { Packets = (ulong)i }, default, FlowEnd.Idle);
            },
            TestContext.Current.CancellationToken);
        await collection.WaitAsync(Long, TestContext.Current.CancellationToken);
        opened.Set();

        var lines = await Eventually.That("the loss is told", () => _journal.Lines, lines => lines.Length > 0);
        Assert.Equal(
            ["Warning: standard output is read too slowly: 5 ended flows were not reported"], lines);
        Assert.Equal(1 + FlowReporter.QueueCapacity, output.Lines.Count);
    }

    [Fact]
    public async Task A_stalled_reader_does_not_delay_the_end()
    {
        using var lb = Balancer.On(Hook.Tc, Balancer.Defaults);
        using var opened = new ManualResetEventSlim();
        var output = new Output { Gate = opened };
        var reporter = Reporter(lb, output);
        await Stalls(output);

        await Task.Run(reporter.Dispose, TestContext.Current.CancellationToken)
            .WaitAsync(Long, TestContext.Current.CancellationToken);

        Assert.False(reporter.Ended.IsCompleted);
        opened.Set();
        await reporter.Ended.WaitAsync(Long, TestContext.Current.CancellationToken);
    }

    static Task<bool> Stalls(Output output) => Eventually.That("the first line waits", () => output.IsWaiting, waits => waits);

    FlowReporter Reporter(Balancer lb, TextWriter output) => new(lb.Tables.Events, new(lb.Tables, perSecond: 0, TimeProvider.System), new EventLines(output, _ => "web"), "ready", _journal);

    sealed class Output : StringWriter
    {
        readonly List<string> _lines = [];

        public ManualResetEventSlim? Gate { get; init; }

        public IOException? Fault { get; init; }

        public bool IsWaiting { get; private set; }

        public IReadOnlyList<string> Lines
        {
            get
            {
                lock (_lines)
                    return [.. _lines];
            }
        }

        public override void WriteLine(string? value)
        {
            if (Fault is { } fault)
                throw fault;
            IsWaiting = true;
            Gate?.Wait();
            lock (_lines)
                _lines.Add(value!);
        }
    }
}
