using System.Text.RegularExpressions;
using EbpfLb.Commands;
using EbpfLb.Native;

namespace EbpfLb.Unit.Commands;

/// <summary>Whatever fails, the last word is a sentence and an exit code.</summary>
public sealed class FailuresAreExplained
{
    const string Good = "run --interface eth0 --listen :80 --backend 172.20.0.2";

    [Fact]
    public async Task A_known_failure_is_its_sentence_and_nothing_else()
    {
        var shell = new Shell { Balancing = _ => throw new LoadBalancerException("attaching to eth0 failed. Do something.") };

        Assert.Equal((1, "", "error: attaching to eth0 failed. Do something.\n"), await shell.Type(Good));
    }

    [Theory]
    [InlineData("", "The command is missing. Use one of: run, check, status, healthy, flows, watch, doctor, detach, decapsulate.")]
    [InlineData("--verbose", "The command is missing. Use one of: run,")]
    [InlineData("stats", "'stats' is neither a command nor an option. Perhaps 'status' is meant.")]
    [InlineData("balance web --now", "'balance' is neither a command nor an option. Use one of: run,")]
    [InlineData("--verbos", "'--verbos' is neither a command nor an option. Use one of: run,")]
    public async Task A_line_without_a_command_is_one_sentence(string line, string sentence)
    {
        var (code, output, error) = await new Shell().Type(line);

        Assert.Equal((2, "", 1), (code, output, error.Count(character => character == '\n')));
        Assert.StartsWith($"error: {sentence}", error, StringComparison.Ordinal);
        Assert.EndsWith(" See 'ebpf-lb --help'.\n", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run --hok tc --listen :80", "'--hok' is not an option of run. Perhaps '--hook' is meant.")]
    [InlineData("run --flow 9", "'--flow' is not an option of run. Perhaps '--flows' is meant.")]
    [InlineData("flows --speed 9", "'--speed' is not an option of flows. See")]
    [InlineData("check lb.yaml", "'lb.yaml' is not an option of check. Perhaps '--config lb.yaml' is meant.")]
    [InlineData("detach eth0", "'eth0' is not an option of detach. Perhaps '--interface eth0' is meant.")]
    public async Task An_unknown_option_is_one_sentence_with_a_suggestion(string line, string sentence)
    {
        var (code, output, error) = await new Shell().Type(line);

        Assert.Equal((2, "", 1), (code, output, error.Count(character => character == '\n')));
        Assert.StartsWith($"error: {sentence}", error, StringComparison.Ordinal);
        Assert.EndsWith($" See 'ebpf-lb {line.Split(' ')[0]} --help'.\n", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check", "--config is missing. Add '--config FILE'.")]
    [InlineData("detach", "--interface is missing. Add '--interface NAME'.")]
    [InlineData("decapsulate --interface", "--interface has no value. Write '--interface NAME'.")]
    [InlineData("run --config", "--config has no value. Write '--config FILE'.")]
    [InlineData("run --flows 1024 --flows 2048", "--flows is given 2 times: '1024', '2048'. Keep one of them.")]
    [InlineData("flows --limit", "--limit has no value. Write '--limit NUMBER'.")]
    [InlineData("flows --limit none", "--limit: 'none' is not a number of flows. Use a whole number from 1 on.")]
    [InlineData("status --json=maybe", "'maybe' is not an option of status.")]
    public async Task An_option_that_is_missing_or_has_no_value_or_too_many_is_one_sentence(string line, string sentence)
    {
        var (code, output, error) = await new Shell().Type(line);

        Assert.Equal((2, ""), (code, output));
        Assert.Equal($"error: {sentence} See 'ebpf-lb {line.Split(' ')[0]} --help'.\n", error);
    }

    [Fact]
    public async Task A_full_disk_under_the_output_is_no_internal_error()
    {
        var shell = new Shell { Balancing = _ => throw new IOException("standard output could not be written: full.") };

        Assert.Equal((1, "", "error: standard output could not be written: full.\n"), await shell.Type(Good));
    }

    [Fact]
    public async Task A_reader_who_has_seen_enough_is_no_failure()
    {
        var shell = new Shell { Balancing = _ => throw new OutputGoneException() };

        Assert.Equal((0, "", ""), await shell.Type(Good));
    }

    [Theory]
    [InlineData("what?", "what?")]
    [InlineData("what", "what.")]
    public async Task An_unknown_failure_is_not_hidden(string message, string told)
    {
        var shell = new Shell { Balancing = _ => throw new InvalidTimeZoneException(message) };

        var (code, _, error) = await shell.Type(Good);

        Assert.Equal(1, code);
        Assert.Matches(
            $"^error: internal error: InvalidTimeZoneException: {Regex.Escape(told)} Run it again with "
            + "--verbose.*\n$", error);
    }

    [Fact]
    public async Task Verbose_shows_the_stack_trace()
    {
        var failure = new LoadBalancerException("it failed.", new IOException("beneath"));
        var shell = new Shell { Balancing = _ => throw failure };

        var (_, _, error) = await shell.Type(Good + " --verbose");

        Assert.StartsWith("error: it failed.\n", error, StringComparison.Ordinal);
        Assert.Contains("beneath", error, StringComparison.Ordinal);
        Assert.Contains("   at ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Verbose_shows_the_kernels_log_and_nothing_else_does(bool isCause)
    {
        const string log = "libbpf: map 'flows': failed to create\nlibbpf: failed to load object 'lb_tc'\n";
        LoadBalancerException failure = new LoadException("lb_tc", Errno.E2BIG, log);
        if (isCause)
            failure = new LoadBalancerException(failure.Message, failure);
        var shell = new Shell { Balancing = _ => throw failure };

        var (_, _, quiet) = await shell.Type(Good);
        var (_, _, verbose) = await shell.Type($"{Good} --verbose");

        Assert.Equal($"error: {failure.Message}\n", quiet);
        Assert.StartsWith($"{quiet}{log}EbpfLb.", verbose, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_requested_stop_is_no_failure()
    {
        using var ending = new CancellationTokenSource();
        var shell = new Shell
        {
            Interrupt = ending.Token,
            Balancing = async token =>
            {
                await ending.CancelAsync();
                token.ThrowIfCancellationRequested();
                return 1;
            },
        };

        Assert.Equal((0, "", ""), await shell.Type(Good));
    }

    [Fact]
    public async Task To_be_cancelled_by_anything_else_is_one()
    {
        var shell = new Shell { Balancing = _ => throw new TaskCanceledException("a call gave up") };

        Assert.Equal(1, (await shell.Type(Good)).Code);
    }
}
