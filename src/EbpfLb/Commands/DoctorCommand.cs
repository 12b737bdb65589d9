using System.CommandLine;
using EbpfLb.Configuration;
using EbpfLb.Doctor;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb doctor</c>: checks whether this machine and these privileges can run each hook.</summary>
static class DoctorCommand
{
    const int VerdictWidth = 9;
    const int SubjectWidth = 18;
    const int MinWidth = 30; // of the text beside them

    public static Command Create(Func<string[], HostFacts> examine)
    {
        var device = new Option<string[]>("--interface")
        {
            Description = "Check this interface as well; repeatable",
            HelpName = "NAME",
        };
        var json = Options.Json();
        var command = new Command("doctor", "Check whether this machine can run each hook, and say what to do if not")
        {
            device, json,
        };
        command.SetAction(parsed =>
        {
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            var names = parsed.GetValue(device) ?? [];
            ConfigurationError[] problems =
            [
                .. from name in names
                   let invalid = Syntax.CheckInterface(name)
                   where invalid is not null
                   select new ConfigurationError("--interface", name, invalid.Problem, invalid.Remedy),
            ];
            if (problems.Length > 0)
                return CommandLine.Report(problems, error, ExitCode.Usage);

            var facts = examine(names);
            var diagnosis = DoctorChecks.Run(facts);
            if (parsed.GetValue(json))
                output.WriteLine(JsonText.Format(diagnosis, DiagnosisJson.Default.Diagnosis));
            else
                WriteTable(diagnosis, output, Terminal.HasColours(output), Terminal.WidthOf(output));
            foreach (var log in parsed.GetValue(CommandLine.Verbose) ? facts.Logs : [])
                error.WriteLine(log);
            return diagnosis.CanRun ? ExitCode.Ok : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>Writes one line per check, and one more for its remedy; more on a terminal that is too narrow.</summary>
    /// <param name="width">The width of the terminal in characters; null if the output is none.</param>
    public static void WriteTable(Diagnosis diagnosis, TextWriter output, bool colours, int? width = null)
    {
        var (margin, room) = (VerdictWidth + SubjectWidth, Math.Max(MinWidth, width - VerdictWidth - SubjectWidth ?? int.MaxValue));
        foreach (var finding in diagnosis.Findings)
        {
            var (word, colour) = finding.Verdict switch
            {
                Verdict.Ok => ("ok", 32),
                Verdict.Warn => ("warn", 33),
                _ => ("missing", 31),
            };
            output.Write($"{TextTable.Colour($"{word,-VerdictWidth}", colours ? colour : 0)}{finding.Subject,-SubjectWidth}");
            WriteLines(finding.Observation, first: "");
            if (finding.Remedy is not null)
                WriteLines($"-> {finding.Remedy}", first: new(' ', margin));
        }
        output.WriteLine(diagnosis.CanRun ? "\nebpf-lb can run here." : "\nebpf-lb cannot run here yet: see what is missing.");

        void WriteLines(string text, string first)
        {
            foreach (var (number, line) in TextTable.Lines(text, room).Index())
                output.WriteLine($"{(number == 0 ? first : new(' ', margin))}{line}");
        }
    }
}
