using System.CommandLine;
using System.CommandLine.Help;
using System.Text;
using EbpfLb.Commands;

namespace EbpfLb.Manual;

/// <summary>The reference of all commands, in Markdown.</summary>
static class CommandsPage
{
    const string Intro = """
        # Commands

        `ebpf-lb COMMAND --help` prints the same in the terminal, and the package has manual pages. [Configuration](configuration.md)
        has the values, ranges and defaults of what `run` can be configured with.

        This page is generated from the code: `make docs`.
        """;

    /// <summary>The whole page.</summary>
    public static string Create(RootCommand root)
    {
        var page = new StringBuilder();
        foreach (var paragraph in Intro.ReplaceLineEndings("\n").Split("\n\n"))
            page.Append(Prose.Wrap(paragraph)).Append("\n\n");
        page.Append("| command | does |\n| --- | --- |\n");
        foreach (var command in root.Subcommands)
            page.Append($"| [`ebpf-lb {command.Name}`](#ebpf-lb-{command.Name}) | {Sentence(command.Description!)} |\n");
        Write(page, "Every command", root.Options.Where(option => option.Recursive));
        foreach (var command in root.Subcommands)
            Write(page, command);
        page.Append("\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n");
        page.Append($"| {ExitCode.Ok} | The command did what it was asked for. |\n");
        page.Append($"| {ExitCode.Failed} | The command failed; the reason is on standard error. |\n");
        page.Append($"| {ExitCode.Usage} | The command line or the configuration is wrong. |\n");
        return page.ToString();
    }

    static void Write(StringBuilder page, Command command)
    {
        page.Append($"\n## `ebpf-lb {command.Name}`\n\n").Append(Prose.Wrap(Sentence(command.Description!))).Append('\n');
        Write(page, null, command.Options);
        page.Append("\n```\n");
        foreach (var line in Help.ExamplesOf(command.Name))
            page.Append(line.TrimEnd()).Append('\n');
        page.Append("```\n");
    }

    static void Write(StringBuilder page, string? title, IEnumerable<Option> options)
    {
        if (title is not null)
            page.Append($"\n## {title}\n");
        Option[] shown = [.. options.Where(option => !option.Hidden && option is not (HelpOption or VersionOption))];
        if (shown.Length == 0)
            return;
        page.Append("\n| option | value | |\n| --- | --- | --- |\n");
        foreach (var option in shown)
        {
            var names = string.Join(", ", option.Aliases.Append(option.Name).Select(name => $"`{name}`"));
            var value = option.HelpName is { } help ? $"`{help.Replace("|", "\\|", StringComparison.Ordinal)}`" : "";
            page.Append($"| {names} | {value} | {(option.Required ? "Required. " : "")}{Sentence(option.Description!)} |\n");
        }
    }

    static string Sentence(string text) => $"{text.TrimEnd('.').Replace("|", "\\|", StringComparison.Ordinal)}.";
}
