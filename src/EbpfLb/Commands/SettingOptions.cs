using System.CommandLine;
using EbpfLb.Configuration;

namespace EbpfLb.Commands;

/// <summary>The flags of <c>run</c> that stand for settings.</summary>
static class SettingOptions
{
    /// <summary>An option for each setting that has a flag, in the order of the settings.</summary>
    public static IEnumerable<Option> Create(IEnumerable<Setting> settings) => settings.SelectMany(setting =>
        setting is { Type: null, Pairs: null } ? Create(setting.Keys) : setting.Flag is null ? [] : [Create(setting)]);

    /// <summary>The values of the options that were given, by name; a flag without a value is <c>true</c>.</summary>
    public static Dictionary<string, string[]> Read(ParseResult parsed, IEnumerable<Option> options) => options
        .Where(option => parsed.GetResult(option) is { Implicit: false })
        .ToDictionary(option => option.Name, option => parsed.GetResult(option)!.Tokens is { Count: > 0 } tokens
            ? tokens.Select(token => token.Value).ToArray() : ["true"]);

    static Option Create(Setting setting)
    {
        var isRepeatable = setting.IsList || setting.IsItemKey || setting.Pairs is not null;
        var description = Describe(setting) + (isRepeatable ? "; repeatable" : "");
        var helpName = setting.Pairs?.HelpName ?? (setting.Type!.IsSwitch ? null : setting.Type.HelpName);
        Option option = setting.Type is { IsSwitch: true } ? new Option<bool>(setting.Flag!, setting.Aliases)
            : isRepeatable ? new Option<string[]>(setting.Flag!, setting.Aliases)
            : new Option<string>(setting.Flag!, setting.Aliases);
        (option.Description, option.HelpName) = (description, helpName);
        if (setting.Type is { IsSwitch: false, Words.IsEmpty: false } choice)
            option.CompletionSources.Add([.. choice.Words]);
        return option;
    }

    static string Describe(Setting setting)
    {
        if (setting.Pairs is not null)
        {
            var keys = setting.Keys.Select(key => key.Default is { } value && !value.Contains(' ') ? $"{key.Name} {value}" : key.Name);
            return $"{setting.Description}: {string.Join(", ", keys)}";
        }
        var words = setting.Type is { IsSwitch: false, Words.IsEmpty: false } choice ? $": {string.Join(", ", choice.Words)}" : "";
        return setting.Description + words
            + (setting.Default is { } known && !setting.Type!.IsSwitch ? $" (default {known})" : "");
    }
}
