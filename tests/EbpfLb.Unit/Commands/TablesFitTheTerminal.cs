using EbpfLb.Commands;
using EbpfLb.Status;
using Microsoft.Extensions.Time.Testing;

namespace EbpfLb.Unit.Commands;

/// <summary>Tables for people keep to the width of a terminal and say what they cut; in a pipe nothing is cut.</summary>
public sealed class TablesFitTheTerminal
{
    const int Width = 80;
    const int Height = 24;

    public static TheoryData<string> Hosts => ["web", "172.20.0.1#", "2001:db8:1234:5678::abc#", "2001:db8:1234:5678:9abc:def0:1234:567#"];

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Watch_fits_ten_backends_on_80_by_24(string host)
    {
        var lines = await WatchAsync(host);

        Assert.InRange(lines.Length, 14, Height - 1);
        Assert.All(lines, line => Assert.InRange(line.Length, 0, Width));
        Assert.DoesNotContain(lines, line => line.StartsWith("... and", StringComparison.Ordinal));
        var rows = lines.Where(line => line.StartsWith("    ", StringComparison.Ordinal) && !line.Contains("BACKEND", StringComparison.Ordinal)).ToArray();
        Assert.Equal(11, rows.Length); // the backends and their sum
        Assert.Equal(11, rows.Select(row => row.Split(" up ")[0]).Distinct().Count());
        Assert.All(rows[..10], row => Assert.Contains("47.1M", row, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Watch_shows_this_screen()
    {
        var lines = await WatchAsync("2001:db8:1234:5678::abc#", backends: 2);

        Assert.Equal(
            """
            eth0: hook tc, running, 12 flows of 65536, packets/s 246.8k in and 2.0 out
              web on 172.20.0.2:80/tcp, [2001:db8::2]:80/tcp, mode nat, 12 flows
                BACKEND               STATE WEIGHT FLOWS NEW/S PKT/S IN    OUT B/S IN    OUT
                [2001:…78::abc0]:8080 up         1    12   5.0   123.4k    1.0  47.1M    0.0
                [2001:…78::abc1]:8080 up         1    12   5.0   123.4k    1.0  47.1M    0.0
                all                                   12  10.0   246.8k    2.0  94.2M    0.0
              packets/s: drop-no-route 3.0, sent-to-backend 246.8k
              refused and dropped: drop-no-route 3 (3.0/s)
              a wider terminal shows names in full
            """.Split('\n'), lines.Select(line => line.TrimEnd()));
    }

    [Fact]
    public async Task Watch_ends_when_the_user_quits()
    {
        var quit = new TaskCompletionSource();
        using var output = new StringWriter { NewLine = "\n" };
        using var screen = new Screen(output, () => (Width, Height));
        var watching = new WatchLoop(() => new([], []), colours: false, new FakeTimeProvider())
            .RunAsync(screen, TimeSpan.FromSeconds(1), quit.Task, TestContext.Current.CancellationToken);

        Assert.False(watching.IsCompleted);
        quit.SetResult();

        await watching;
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public void Status_keeps_to_the_width(string host)
    {
        using var output = new StringWriter { NewLine = "\n" };

        new StatusTable(output, Width).Write(Status(host));

        Assert.All(output.ToString().Split('\n'), line => Assert.InRange(line.Length, 0, Width));
    }

    [Theory, InlineData(null), InlineData(60)]
    public void A_decapsulator_is_shown_with_its_packets(int? width)
    {
        var decapsulator = new DecapsulatorStatus("eth0", [("ipip", 0), ("gue", 123456), ("for other addresses", 7)]);
        using var output = new StringWriter { NewLine = "\n" };

        new StatusTable(output, width).Write(new StatusSnapshot([], []) { Decapsulators = [decapsulator] });

        var separator = width is null ? ", " : ",\n    ";
        Assert.Equal($"eth0: decapsulates, ipip 0, gue 123456{separator}for other addresses 7\n", output.ToString());
    }

    [Fact]
    public void That_nothing_is_attached_keeps_to_the_width()
    {
        using var output = new StringWriter { NewLine = "\n" };

        new StatusTable(output, Width).Write(new StatusSnapshot([], []));

        Assert.All(output.ToString().Split('\n'), line => Assert.InRange(line.Length, 0, Width));
        Assert.StartsWith("nothing is attached in this network namespace.", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_gets_every_column_and_every_name_whole()
    {
        using var output = new StringWriter { NewLine = "\n" };

        new StatusTable(output).Write(Status(Hosts.Last().Data));

        var text = output.ToString();
        Assert.DoesNotContain('…', text);
        Assert.DoesNotContain("wider", text, StringComparison.Ordinal);
        Assert.Contains(" WEIGHT ", text, StringComparison.Ordinal);
        Assert.Contains("[2001:db8:1234:5678:9abc:def0:1234:5679]:8080", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_narrow_table_leaves_out_columns_by_rank_and_then_cuts()
    {
        Assert.Equal("    NAME       A    B    C   ", Table(29).Header);
        Assert.Equal("    a…fghi 1    2    3   ", Table(25).Row("abcdefghi", "1", "2", "3"));
        Assert.Equal("    ab…efghi 1    3   ", Table(22).Row("abcdefghi", "1", "2", "3"));
        Assert.Equal("    ab…efghi 3   ", Table(17).Row("abcdefghi", "1", "2", "3"));
        Assert.Equal(["A", "B"], Table(17).LeftOut);
        Assert.Equal(["B"], Table(22).LeftOut);

        static TextTable Table(int width) => new(width, [new("NAME", 20, 5), new("A", 4, Rank: 1), new("B", 4, Rank: 2), new("C", 4)]);
    }

    [Theory]
    [InlineData("web-a", "10.7.0.11:80", "web-a 10.7.0.11:80")]
    [InlineData("10.7.0.11", "10.7.0.11:80", "10.7.0.11:80")]
    [InlineData("10.7.0.1", "10.7.0.11:80", "10.7.0.1 10.7.0.11:80")]
    [InlineData("fd00::1", "[fd00::1]:80", "[fd00::1]:80")]
    [InlineData("fd00::1", "[fd00::11]:80", "fd00::1 [fd00::11]:80")]
    public void A_name_that_is_the_address_is_written_once(string name, string endPoint, string expected) =>
        Assert.Equal(expected, TextTable.NameOnce(name, endPoint));

    [Fact]
    public void A_text_is_broken_between_words()
    {
        Assert.Equal(["mount -t", "bpf", "/sys/fs/bpf", "now"], TextTable.Lines("mount -t bpf /sys/fs/bpf now", 10));
        Assert.Equal(["mount -t bpf /sys/fs/bpf now"], TextTable.Lines("mount -t bpf /sys/fs/bpf now", null));
    }

    [Fact]
    public void A_long_line_of_phrases_is_wrapped()
    {
        var text = TextTable.Wrap(30, "  packets: ", ["sent-to-backend 1", "sent-to-client 2", new("drop-no-route 3", 31)]);

        Assert.Equal("  packets: sent-to-backend 1,\n    sent-to-client 2,\n    \u001b[31mdrop-no-route 3\u001b[0m", text);
        Assert.Equal("  packets: a, b", TextTable.Wrap(null, "  packets: ", ["a", "b"]));
    }

    /// <summary>The screen that watch shows a second after it began.</summary>
    static async Task<string[]> WatchAsync(string host, int backends = 10)
    {
        using var output = new StringWriter { NewLine = "\n" };
        var (time, quit, seconds) = (new FakeTimeProvider(), new TaskCompletionSource(), 0u);
        using (var screen = new Screen(output, () => (Width, Height)))
            await new WatchLoop(Read, colours: false, time).RunAsync(screen, TimeSpan.FromSeconds(1), quit.Task, TestContext.Current.CancellationToken);
        return output.ToString().Split("\u001b[H")[1].Split("\u001b[J")[0].Split("\u001b[K\n", StringSplitOptions.RemoveEmptyEntries);

        StatusSnapshot Read()
        {
            if (seconds == 1)
                quit.SetResult();
            time.Advance(TimeSpan.FromSeconds(1));
            return new([Status(host, backends, seconds++)], []);
        }
    }

    /// <summary>A service with backends; each '#' of the host is the number of the backend.</summary>
    /// <param name="seconds">How long the traffic has lasted.</param>
    static InstanceStatus Status(string host, int backends = 10, ulong seconds = 1)
    {
        var ofOne = new TrafficStatus(5 * seconds, 123_400 * seconds, 47_100_000 * seconds, seconds, 0);
        var all = (ulong)backends;
        return new InstanceStatus
        {
            Interface = "eth0",
            Interfaces = ["eth0"],
            Hook = "tc",
            Why = "eth0 is a virtual device, where tc keeps large segments whole",
            Running = true,
            Flows = 12,
            TablesVersion = 10,
            RoomForFlows = 65536,
            Packets = new Dictionary<string, ulong> { ["drop-no-route"] = 3 * seconds, ["sent-to-backend"] = 123_400 * all * seconds },
            Services =
            [
                new("web", ["172.20.0.2:80/tcp", "[2001:db8::2]:80/tcp"], "nat", 12,
                    new(ofOne.Opened * all, ofOne.ToBackendPackets * all, ofOne.ToBackendBytes * all, ofOne.ToClientPackets * all, 0),
                    [
                        .. Enumerable.Range(0, backends).Select(number => new BackendStatus(
                            host.Replace("#", $"{number}", StringComparison.Ordinal), AddressOf(host, number), "up", null, 1, 12, ofOne)),
                    ]),
            ],
        };
    }

    static string AddressOf(string host, int number) => host switch
    {
        "web" => $"[2001:db8:1234:5678:9abc:def0:1234:567{number}]:8080",
        _ when host.Contains(':') => $"[{host.Replace("#", $"{number}", StringComparison.Ordinal)}]:8080",
        _ => $"{host.Replace("#", $"{number}", StringComparison.Ordinal)}:8080",
    };
}
