using EbpfLb.Commands;
using EbpfLb.Status;
using Microsoft.Extensions.Time.Testing;

namespace EbpfLb.Unit.Commands;

/// <summary>A reading each interval, shown in the place of the last one or below it, until the user ends it.</summary>
public sealed class WatchShowsRates : IDisposable
{
    readonly StringWriter _output = new() { NewLine = "\n" };

    public void Dispose() => _output.Dispose();

    [Fact]
    public async Task One_block_after_another_without_a_terminal()
    {
        await ShowAsync(readings: 3, size: null);

        var blocks = _output.ToString().Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, blocks.Length);
        Assert.Contains("packets/s: sent-to-backend 100.0\n", blocks[0], StringComparison.Ordinal);
        Assert.Contains("packets/s: sent-to-backend 200.0\n", blocks[1], StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', _output.ToString());
    }

    [Fact]
    public async Task Errors_are_shown_below_the_instances()
    {
        await ShowAsync(readings: 3, size: null, faults: ["what is attached to eth1 was made by another version."]);

        var blocks = _output.ToString().Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, blocks.Length);
        Assert.All(blocks, block => Assert.Contains("sent-to-backend", block, StringComparison.Ordinal));
        Assert.All(blocks, block => Assert.EndsWith(
            "\nerror: what is attached to eth1 was made by another version.", block.TrimEnd(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task In_place_on_a_terminal_which_is_restored()
    {
        await ShowAsync(readings: 3, size: () => (0, 24));

        var text = _output.ToString();
        Assert.Equal(2, text.Split("\u001b[H").Length - 1);
        Assert.StartsWith("\u001b[?1049h", text, StringComparison.Ordinal);
        Assert.EndsWith("\u001b[?7h\u001b[?25h\u001b[?1049l", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "refused and dropped: none")]
    [InlineData(4, "refused and dropped: none")]
    [InlineData(3, "... and 2 more lines")]
    [InlineData(1, "... and 3 more lines")]
    public async Task No_more_than_fits_a_terminal_of_known_size(int height, string last)
    {
        await ShowAsync(readings: 2, () => (0, height));

        var shown = _output.ToString().Split("\u001b[H")[1].Split("\u001b[J")[0].Split("\u001b[K\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(last, shown[^1].Trim());
    }

    [Fact]
    public async Task Without_a_screen_errors_alone_end_it()
    {
        using var screen = new Screen(_output, null);
        using var errors = new StringWriter();

        var error = await Assert.ThrowsAsync<LoadBalancerException>(() =>
            new WatchLoop(() => new([], ["opening the pin failed."]), colours: false, new FakeTimeProvider(), errors).RunAsync(
                screen, TimeSpan.FromSeconds(1), new TaskCompletionSource().Task, TestContext.Current.CancellationToken));

        Assert.Equal(("opening the pin failed.", ""), (error.Message, _output.ToString()));
    }

    [Fact]
    public async Task Without_a_screen_later_errors_are_apart_from_the_rates()
    {
        using var errors = new StringWriter { NewLine = "\n" };

        await ShowAsync(3, size: null, faults: ["eth9 is gone."], errors);

        Assert.All(errors.ToString().TrimEnd().Split('\n'), line => Assert.Equal("error: eth9 is gone.", line));
        Assert.DoesNotContain("eth9", _output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("watch --interval 0s", "--interval: '0s' is not an interval. Use 100ms to 1h, written as 500ms, 2s or 1m.")]
    [InlineData("watch --interval soon", "'soon' is not an interval")]
    [InlineData("status --interval 2h", "'2h' is not an interval")]
    public async Task A_wrong_interval_is_explained(string line, string explanation)
    {
        var (code, output, error) = await new Shell().Type(line);

        Assert.Equal((2, ""), (code, output));
        Assert.Contains(explanation, error, StringComparison.Ordinal);
    }

    /// <summary>Takes readings, each of which lasts a second, and is interrupted during the last one.</summary>
    async Task ShowAsync(int readings, Func<(int, int)>? size, string[]? faults = null, TextWriter? errors = null)
    {
        var time = new FakeTimeProvider();
        using var interrupt = new CancellationTokenSource();
        var taken = 0u;
        using (var screen = new Screen(_output, size))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
                new WatchLoop(Read, colours: false, time, errors).RunAsync(screen, TimeSpan.FromSeconds(1), new TaskCompletionSource().Task, interrupt.Token));
        }

        StatusSnapshot Read()
        {
            time.Advance(TimeSpan.FromSeconds(1));
            taken++;
            if (taken == readings)
                interrupt.Cancel();
            var sent = taken * (taken - 1) / 2 * 100;
            return new(
            [
                new InstanceStatus
                {
                    Interface = "eth0",
                    Interfaces = ["eth0"],
                    Hook = "tc",
                    Why = "as configured",
                    Running = true,
                    Flows = 0,
                    TablesVersion = 10,
                    RoomForFlows = 1024,
                    Packets = new Dictionary<string, ulong> { ["sent-to-backend"] = sent },
                    Services = [],
                },
            ], faults ?? []);
        }
    }
}
