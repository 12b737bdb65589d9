using System.CommandLine;
using System.CommandLine.Help;
using System.Reflection;
using EbpfLb.Commands;

namespace EbpfLb.Manual;

/// <summary>The manual page of a command, in section 8: commands for administrators.</summary>
/// <param name="FileName">As man(1) looks for it.</param>
/// <param name="Text">In the language of man(7).</param>
sealed record ManualPage(string FileName, string Text)
{
    const string Program = "ebpf-lb";

    static readonly string Version =
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];

    /// <summary>A page for the program itself, and one for each of its commands.</summary>
    public static IEnumerable<ManualPage> All(RootCommand root) =>
        root.Subcommands.Prepend(root).Select(command => Create(root, command));

    static ManualPage Create(RootCommand root, Command command)
    {
        var name = PageOf(root, command);
        var page = new Roff()
            .Request("TH", name.ToUpperInvariant(), "8", "", $"{Program} {Version}", "System administration")
            .Request("SH", "NAME").Line($"{name} - {FirstInLowerCase(command.Description!.TrimEnd('.'))}")
            .Request("SH", "SYNOPSIS").Line(Synopsis(root, command))
            .Request("SH", "DESCRIPTION").Line(command.Description!.TrimEnd('.') + ".");
        if (command == root)
            WriteCommands(page, root);
        WriteOptions(page, root, command);
        WriteExitStatus(page);
        page.Request("SH", "EXAMPLES").Verbatim(Help.ExamplesOf(command == root ? "" : command.Name));
        WriteSeeAlso(page, root, command);
        return new($"{name}.8", page.ToString());
    }

    static string PageOf(RootCommand root, Command command) => command == root ? Program : $"{Program}-{command.Name}";

    static string Synopsis(RootCommand root, Command command) =>
        command == root ? $"{Program} COMMAND [OPTION]..." : $"{Program} {command.Name} [OPTION]...";

    static void WriteCommands(Roff page, RootCommand root)
    {
        page.Request("SH", "COMMANDS");
        foreach (var command in root.Subcommands)
            page.Request("TP").Term($"{Program} {command.Name}", "").Line(command.Description + ".");
    }

    static void WriteOptions(Roff page, RootCommand root, Command command)
    {
        page.Request("SH", "OPTIONS");
        var inherited = root.Options.Where(option => option.Recursive && command != root);
        foreach (var option in command.Options.Concat(inherited).Where(option => !option.Hidden))
        {
            var value = option.HelpName is { } help ? help : "";
            page.Request("TP").Term(string.Join(", ", NamesOf(option)), value).Line(option.Description!.TrimEnd('.') + ".");
        }
    }

    /// <summary>The slash names that Windows knows are none for a manual page.</summary>
    static IEnumerable<string> NamesOf(Option option) =>
        option.Aliases.Append(option.Name).Where(name => name.StartsWith('-')).Where(name => option is not HelpOption || name != "-?");

    static void WriteExitStatus(Roff page) => page
        .Request("SH", "EXIT STATUS")
        .Request("TP").Term($"{ExitCode.Ok}", "").Line("The command did what it was asked for.")
        .Request("TP").Term($"{ExitCode.Failed}", "").Line("The command failed; the reason is on standard error.")
        .Request("TP").Term($"{ExitCode.Usage}", "").Line("The command line or the configuration is wrong.");

    static void WriteSeeAlso(Roff page, RootCommand root, Command command)
    {
        var others = root.Subcommands.Prepend(root).Where(other => other != command);
        page.Request("SH", "SEE ALSO").Line(string.Join(", ", others.Select(other => $"{PageOf(root, other)}(8)")));
    }

    static string FirstInLowerCase(string sentence) => char.ToLowerInvariant(sentence[0]) + sentence[1..];
}
