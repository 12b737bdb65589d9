using EbpfLb.Commands;
using EbpfLb.Providers.Files;

namespace EbpfLb.Unit.Commands;

/// <summary>Every command's help ends with examples, and the examples work.</summary>
public sealed class HelpShowsExamples
{
    public static TheoryData<string> Commands =>
        ["", .. CommandLine.Create((_, _, _, _) => Task.FromResult(0)).Subcommands.Select(command => command.Name)];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task For_each_command(string command)
    {
        var (code, output, _) = await new Shell().Type($"{command} --help");

        Assert.Equal(0, code);
        Assert.Matches($"Examples:\n  ebpf-lb {command}.*", output);
        Assert.All(output.Split("Examples:")[0].Split('\n'), line => Assert.InRange(line.Length, 0, 100));
    }

    [Fact]
    public async Task And_the_configuration_file_among_them_is_valid()
    {
        var (_, output, _) = await new Shell().Type("run --help");

        var file = output[(output.IndexOf("ebpf-lb.yaml:\n", StringComparison.Ordinal) + "ebpf-lb.yaml:\n".Length)..];

        Assert.Empty(YamlReader.Read(file, "help").Errors);
    }
}
