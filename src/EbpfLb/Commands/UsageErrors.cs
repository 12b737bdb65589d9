using System.CommandLine;
using System.CommandLine.Parsing;
using EbpfLb.Configuration;

namespace EbpfLb.Commands;

/// <summary>What is wrong with a command line, as sentences. System.CommandLine's own name no remedy.</summary>
static class UsageErrors
{
    /// <summary>A missing or unknown command or option hides the errors that follow from it.</summary>
    public static IEnumerable<string> Describe(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        string[] names = [.. command.Subcommands.Select(known => known.Name)];
        string[] options = [.. command.Options.Append(CommandLine.Verbose).Where(option => !option.Hidden).Select(option => option.Name)];
        if (parsed.UnmatchedTokens is not [var word, ..])
            return names.Length > 0
                ? [$"The command is missing. Use one of: {string.Join(", ", names)}."]
                : parsed.Errors.Select(Describe);
        if (names.Length > 0)
            return [$"'{word}' is neither a command nor an option. {Spelling.Remedy(word, names)}."];
        if (!word.StartsWith('-') && command.Options.FirstOrDefault(option => option.Name is "--config" or "--interface") is { } named)
            return [$"'{word}' is not an option of {command.Name}. Perhaps '{named.Name} {word}' is meant."];
        return [$"'{word}' is not an option of {command.Name}."
            + (Spelling.Suggest(word, options) is { } near ? $" Perhaps '{near}' is meant." : "")];
    }

    static string Describe(ParseError problem) =>
        (problem.SymbolResult as OptionResult ?? problem.SymbolResult?.Parent as OptionResult) is { } given
            ? Describe(problem, given)
            : problem.Message;

    /// <summary>The message of a parser of values is kept: it begins with the name of the option.</summary>
    static string Describe(ParseError problem, OptionResult given)
    {
        var (name, texts) = (given.Option.Name, given.Tokens.Select(token => $"'{token.Value}'").ToArray());
        if (problem.Message.StartsWith($"{name}: ", StringComparison.Ordinal))
            return problem.Message;
        if (given.Implicit)
            return $"{name} is missing. Add '{name} {given.Option.HelpName}'.";
        return texts.Length == 0
            ? $"{name} has no value. Write '{name} {given.Option.HelpName}'."
            : $"{name} is given {texts.Length} times: {string.Join(", ", texts)}. Keep one of them.";
    }
}
