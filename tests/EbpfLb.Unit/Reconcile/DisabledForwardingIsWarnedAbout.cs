using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Reconcile;

/// <summary>Where the kernel forwards nothing, flows to another network would go nowhere without a word.</summary>
public sealed class DisabledForwardingIsWarnedAbout
{
    static readonly string[] Both = [Machine.Interface, Machine.OtherInterface];

    [Theory]
    [InlineData("0", "1", "forwarding is off on eth0.7", "sysctl -w net/ipv4/conf/eth0.7/forwarding=1")]
    [InlineData("1", "0", "forwarding is off on back", "sysctl -w net.ipv4.conf.back.forwarding=1")]
    public async Task Between_two_interfaces_of_which_one_forwards_nothing(
        string first, string second, string warning, string remedy)
    {
        var told = await StartAsync(first, second, Both);

        var line = Assert.Single(told, line => line.Contains("forwarding is off", StringComparison.Ordinal));
        Assert.Contains(warning, line, StringComparison.Ordinal);
        Assert.EndsWith($"Run `{remedy}`.", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Not_between_two_that_forward() =>
        Assert.DoesNotContain(
            await StartAsync("1", "1", Both),
            line => line.Contains("forwarding", StringComparison.Ordinal));

    [Fact]
    public async Task And_if_the_sysctls_are_hidden_it_still_balances()
    {
        var told = await StartAsync("1", "1", Both, hidden: "/proc/sys/net/ipv4/conf");

        Assert.Equal(2, told.Count(line => line.Contains(
            "to another interface may be lost: reading the forwarding sysctl failed: ", StringComparison.Ordinal)));
        Assert.Contains(told, line => line.StartsWith("ready: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nor_on_one_alone() =>
        Assert.DoesNotContain(
            await StartAsync("0", "0", [Machine.Interface]), line => line.Contains("forwarding", StringComparison.Ordinal));

    [Fact]
    public void Where_pins_may_not_be_written()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.ForbidPins();

        var (code, _, error) = machine.Type($"run --interface {Machine.Interface} --listen :80 --backend 10.9.3.1");

        Assert.Equal(1, code);
        Assert.StartsWith("error: no pins can be made below /sys/fs/bpf: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task And_who_waits_for_one_that_has_ended_is_told_so_with_what_it_said()
    {
        Capabilities.RequireDatapath();
        using var runner = new RunnerProcess(new(), "--interface", "gone", "--listen", ":80", "--backend", "10.9.3.1");

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => runner.UntilAsync("ready: "));

        Assert.StartsWith("the runner has ended, and never told of 'ready: ', but:\n", fault.Message, StringComparison.Ordinal);
        Assert.Contains("error: there is no network interface 'gone'", fault.Message, StringComparison.Ordinal);
    }

    /// <summary>What a runner tells from its start to its end, on interfaces with these settings.</summary>
    static async Task<IReadOnlyList<string>> StartAsync(
        string first, string second, string[] interfaces, string? hidden = null)
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(() =>
        {
            foreach (var (device, setting) in new[] { (Machine.Interface, first), (Machine.OtherInterface, second) })
                File.WriteAllText($"/proc/sys/net/ipv4/conf/{device}/forwarding", setting);
        });
        if (hidden is not null)
            machine.Hide(hidden);
        string[] flags = ["--hook", "tc", "--listen", ":80", "--backend", "10.9.3.1"];
        using var runner = new RunnerProcess(machine, [.. flags, .. interfaces.SelectMany(name => new[] { "--interface", name })]);
        await runner.UntilAsync("ready: ");
        return await runner.EndAsync();
    }
}
