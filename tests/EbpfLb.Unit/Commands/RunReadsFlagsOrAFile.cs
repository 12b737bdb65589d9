using EbpfLb.Unit.Configuration;

namespace EbpfLb.Unit.Commands;

/// <summary>What is typed is what is run; what is wrong is never run.</summary>
public sealed class RunReadsFlagsOrAFile : IDisposable
{
    const string Good = "run --interface eth0 --listen :80 --backend 172.20.0.2";

    readonly string _file = Path.GetTempFileName();
    readonly Shell _shell = new();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task From_flags()
    {
        var (code, _, error) = await _shell.Type(
            "run --interface eth0 --hook tc --events off --listen :80 --listen :53/udp --backend a --backend b:81"
            + " --flows 2048 --timeout udp=5s --timeout ended=1s");

        Assert.Equal((0, ""), (code, error));
        Assert.Equal(
            Given.Flags("eth0", hook: "tc", events: "off", listens: [":80", ":53/udp"], backends: ["a", "b:81"], flows: "2048",
                timeouts: ["udp=5s", "ended=1s"]).Configuration,
            _shell.Ran);
    }

    [Fact]
    public async Task From_a_file()
    {
        await File.WriteAllTextAsync(
            _file, "interface: eth7\nservices: [ { listen: ':80' } ]", TestContext.Current.CancellationToken);

        var (code, _, _) = await _shell.Type($"run --config {_file}");

        Assert.Equal(0, code);
        Assert.Equal(["eth7"], _shell.Ran!.Interfaces);
    }

    [Fact]
    public async Task Replace_is_a_flag_beside_either()
    {
        await File.WriteAllTextAsync(
            _file, "interface: eth7\nservices: [ { listen: ':80' } ]", TestContext.Current.CancellationToken);

        await _shell.Type($"run --config {_file}");
        Assert.False(_shell.Ran!.Replace);

        await _shell.Type($"run --config {_file} --replace");
        Assert.True(_shell.Ran.Replace);

        await _shell.Type($"{Good} --replace");
        Assert.True(_shell.Ran.Replace);
    }

    [Theory]
    [InlineData("run --config lb.yaml --leave-attached", 1, "error: --config: 'lb.yaml' cannot be combined with --leave-attached.")]
    [InlineData("run", 3, "error: --interface: the interface is missing.")]
    [InlineData("run --interface eth0 --listen :0 --backend a:0", 2, "error: --listen: ':0' has no valid port.")]
    [InlineData("run --config /nowhere", 1, "error: --config: '/nowhere' cannot be read")]
    [InlineData("run --config lb.yaml --hook tc --listen :80", 1, "error: --config: 'lb.yaml' cannot be combined with --hook, --listen.")]
    public async Task A_wrong_configuration_is_one_line_for_each_fault(string line, int faults, string first)
    {
        var (code, output, error) = await _shell.Type(line);

        Assert.Equal((2, ""), (code, output));
        var lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(faults, lines.Length);
        Assert.StartsWith(first, lines[0], StringComparison.Ordinal);
        Assert.All(lines, fault => Assert.StartsWith("error: ", fault, StringComparison.Ordinal));
        Assert.Null(_shell.Ran);
    }

    [Theory]
    [InlineData("", "See 'ebpf-lb --help'.")]
    [InlineData("walk", "'walk'")]
    [InlineData("run --speed 9", "'--speed'")]
    [InlineData("run --listen", "--listen has no value. Write '--listen [ADDRESS]:PORT[/tcp|/udp]'.")]
    [InlineData("run --interface", "--interface has no value. Write '--interface NAME'.")]
    [InlineData("run @/etc/hostname", "See 'ebpf-lb run --help'.")]
    [InlineData("check", "--config is missing. Add '--config FILE'.")]
    public async Task A_wrong_command_line_is_explained(string line, string explanation)
    {
        var (code, output, error) = await _shell.Type(line);

        Assert.Equal((2, ""), (code, output));
        Assert.All(error.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            fault => Assert.StartsWith("error: ", fault, StringComparison.Ordinal));
        Assert.Contains(explanation, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_balancers_exit_code_is_the_processes() =>
        Assert.Equal(7, (await new Shell { Balancing = _ => Task.FromResult(7) }.Type(Good)).Code);
}
