using System.CommandLine;
using System.Text.Json;
using EbpfLb.Commands;
using EbpfLb.Doctor;

namespace EbpfLb.Unit.Doctor;

/// <summary>People get a table, scripts get JSON and an exit code.</summary>
public sealed class DoctorReports
{
    static readonly HostFacts NoPrivilege = new()
    {
        Capabilities = 0,
        Kernel = new(6, 8),
        HasBtf = true,
        HasBpffs = true,
        LibBpf = "1.3",
        LocalPorts = new(61000, 65535),
        Forwards = true,
        TcFailure = "refused.",
        XdpFailure = "refused.",
    };

    static readonly HostFacts Fine = NoPrivilege with { Capabilities = ulong.MaxValue, TcFailure = null, XdpFailure = null };

    [Fact]
    public async Task A_table_with_remedies_to_people()
    {
        var (code, output, _) = await Type(NoPrivilege, "doctor");

        Assert.Equal(1, code);
        Assert.StartsWith(
            "missing  privileges        no CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON\n                           -> run it as root",
            output, StringComparison.Ordinal);
        Assert.Contains("\nok       kernel            6.8, with tcx links\n", output, StringComparison.Ordinal);
        Assert.EndsWith("\nebpf-lb cannot run here yet: see what is missing.\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Success_if_it_can_run()
    {
        var (code, output, _) = await Type(Fine, "doctor");

        Assert.Equal(0, code);
        Assert.EndsWith("\nebpf-lb can run here.\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_to_scripts()
    {
        var (code, output, _) = await Type(NoPrivilege, "doctor --json");

        using var json = JsonDocument.Parse(output);
        Assert.Equal(1, code);
        Assert.False(json.RootElement.GetProperty("canRun").GetBoolean());
        var first = json.RootElement.GetProperty("findings")[0];
        Assert.Equal("missing", first.GetProperty("verdict").GetString());
        Assert.StartsWith("run it as root", first.GetProperty("remedy").GetString(), StringComparison.Ordinal);
        Assert.False(json.RootElement.GetProperty("findings")[1].TryGetProperty("remedy", out _));
    }

    [Fact]
    public async Task An_invalid_interface_name_is_a_usage_error()
    {
        var (code, output, error) = await Type(Fine, "doctor --interface ../etc");

        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("error: --interface: '../etc' has a character that no interface name has", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_kernels_log_of_a_refused_program_with_verbose_alone()
    {
        var facts = Fine with { Logs = ["0: (95) exit"] };

        var (_, quiet, nothing) = await Type(facts, "doctor");
        var (_, verbose, log) = await Type(facts, "doctor --verbose");

        Assert.Equal((quiet, "", "0: (95) exit\n"), (verbose, nothing, log));
    }

    [Fact]
    public void Colours_on_a_terminal_only()
    {
        using var plain = new StringWriter();
        using var coloured = new StringWriter();

        DoctorCommand.WriteTable(DoctorChecks.Run(NoPrivilege), plain, colours: false);
        DoctorCommand.WriteTable(DoctorChecks.Run(NoPrivilege), coloured, colours: true);

        Assert.DoesNotContain('\u001b', plain.ToString());
        Assert.StartsWith("\u001b[31mmissing  \u001b[0mprivileges", coloured.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_terminal_gets_lines_of_its_width_at_most_and_every_word()
    {
        using var wide = new StringWriter { NewLine = "\n" };
        using var narrow = new StringWriter { NewLine = "\n" };

        DoctorCommand.WriteTable(DoctorChecks.Run(NoPrivilege with { HasBpffs = false }), wide, colours: false);
        DoctorCommand.WriteTable(DoctorChecks.Run(NoPrivilege with { HasBpffs = false }), narrow, colours: false, width: 80);

        Assert.Contains(wide.ToString().Split('\n'), line => line.Length > 80);
        Assert.All(narrow.ToString().Split('\n'), line => Assert.InRange(line.Length, 0, 80));
        Assert.Equal(Words(wide), Words(narrow));

        static string[] Words(StringWriter text) => text.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    static async Task<(int Code, string Output, string Error)> Type(HostFacts facts, string line)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var root = new RootCommand { DoctorCommand.Create(_ => facts) };
        root.Add(CommandLine.Verbose);
        var code = await CommandLine.InvokeAsync(root, line.Split(' '), output, error, TestContext.Current.CancellationToken);
        return (code, output.ToString(), error.ToString());
    }
}
