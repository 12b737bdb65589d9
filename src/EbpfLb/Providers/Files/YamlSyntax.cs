using System.Text.RegularExpressions;
using YamlDotNet.Core;

namespace EbpfLb.Providers.Files;

/// <summary>A fault of the YAML itself.</summary>
/// <param name="Line">From 1 on.</param>
/// <param name="Column">From 1 on.</param>
/// <param name="Value">The text that is wrong; null if it is a place.</param>
sealed record YamlFault(long Line, long Column, string? Value, string Problem, string Remedy);

/// <summary>
/// Explains text that is not YAML. The parser names what it expected where it gave up, often lines below the cause: these
/// are the common causes, looked for from the first line to that place.
/// </summary>
static partial class YamlSyntax
{
    /// <summary>The problem of an IPv6 endpoint without quotes.</summary>
    public const string UnquotedBracket = "begins with a bracket";

    /// <param name="keys">The keys that a configuration may have, on any level.</param>
    public static YamlFault Explain(string text, YamlException error, IReadOnlySet<string> keys)
    {
        var lines = text.Split('\n').Select(line => line.TrimEnd('\r')).ToArray();
        var suspects = lines.Take((int)Math.Clamp(error.End.Line, 1, lines.Length)).ToArray();
        return FindDuplicate(error) ?? FindTab(error.Message.Contains(" tab ", StringComparison.Ordinal) ? lines : suspects)
            ?? FindBareEndpoint(text, error) ?? FindMissingBlank(suspects, keys) ?? FindOpenQuote(suspects, error)
            ?? FindOpenBracket(text, error) ?? FindReservedCharacter(error, lines) ?? FindMisplaced(suspects, error) ?? Other(error);
    }

    /// <summary>The key and the value of <c>key:value</c>, which YAML takes for one word; null for another text.</summary>
    public static string? SeparateValue(string text, IReadOnlySet<string> keys) =>
        text.IndexOf(':') is > 0 and var colon && colon + 1 < text.Length && keys.Contains(text[..colon])
            ? $"{text[..colon]}: {text[(colon + 1)..]}"
            : null;

    static YamlFault? FindDuplicate(YamlException error) => error.Message.Split("Duplicate key ") is [_, var key]
        ? new(error.Start.Line, error.Start.Column, key.TrimEnd('.'), "is given twice", "Keep one of them")
        : null;

    static YamlFault? FindTab(string[] lines)
    {
        foreach (var (index, line) in lines.Index())
        {
            if (Indentation(line).Contains('\t') && line.Trim() is not ("" or ['#', ..]))
                return new(index + 1, line.IndexOf('\t') + 1, null, "a tab indents this line", "Indent it with blanks: YAML allows no tab there");
        }
        return null;
    }

    /// <summary>The remedy for <see cref="UnquotedBracket"/>.</summary>
    public static string QuoteRemedy(string endPoint) => $"Write it in quotes: '{endPoint}'";

    /// <summary>YAML takes brackets for a list: an IPv6 endpoint needs quotes.</summary>
    static YamlFault? FindBareEndpoint(string text, YamlException error)
    {
        var endpoint = BareEndpoint().Matches(text).Select(match => match.Groups["endpoint"])
            .LastOrDefault(endpoint => LineOf(text, endpoint.Index) <= error.End.Line);
        return endpoint is null ? null : new(LineOf(text, endpoint.Index), ColumnOf(text, endpoint.Index), endpoint.Value,
            UnquotedBracket, QuoteRemedy(endpoint.Value));
    }

    static YamlFault? FindMissingBlank(string[] lines, IReadOnlySet<string> keys)
    {
        foreach (var (index, line) in lines.Index())
        {
            foreach (var pair in JoinedPair().Matches(line).Select(match => match.Groups["pair"]))
            {
                if (SeparateValue(pair.Value, keys) is { } separate)
                    return new(index + 1, pair.Index + 1, pair.Value, "has no blank after the colon", $"Write '{separate}'");
            }
        }
        return null;
    }

    static YamlFault? FindOpenQuote(string[] lines, YamlException error)
    {
        foreach (var (index, line) in lines.Index())
        {
            if (OpenQuote().Match(line).Groups["quote"] is { Success: true } quote)
                return new(index + 1, quote.Index + 1, null, "the quote that opens here is not closed on this line", $"Close it with {quote.Value}");
        }
        return error.Message.Contains("quoted scalar", StringComparison.OrdinalIgnoreCase)
            ? new(error.Start.Line, error.Start.Column, null, "the quote that opens here is not closed", "Close it with the same quote")
            : null;
    }

    static YamlFault? FindOpenBracket(string text, YamlException error)
    {
        if (!error.Message.Contains("flow ", StringComparison.OrdinalIgnoreCase) && !error.Message.Contains("node content", StringComparison.OrdinalIgnoreCase))
            return null;
        var open = new Stack<int>();
        var quote = '\0';
        for (var at = 0; at < Math.Min(text.Length, error.End.Index + 1); at++)
        {
            if (quote != '\0' || text[at] is '\'' or '"')
                quote = quote == '\0' ? text[at] : quote == text[at] ? '\0' : quote;
            else if (text[at] is '[' or '{')
                open.Push(at);
            else if (text[at] is ']' or '}' && open.Count > 0 && text[at] == Closing(text[open.Peek()]))
                open.Pop();
        }
        return open.Count == 0 ? null : new(LineOf(text, open.Peek()), ColumnOf(text, open.Peek()), $"{text[open.Peek()]}",
            "is not closed, or a comma is missing after it", $"Close it with '{Closing(text[open.Peek()])}', and write commas between its values");
    }

    static char Closing(char open) => open == '[' ? ']' : '}';

    static YamlFault? FindReservedCharacter(YamlException error, string[] lines)
    {
        if (!error.Message.Contains("cannot start any token", StringComparison.OrdinalIgnoreCase)
            || lines.ElementAtOrDefault((int)error.Start.Line - 1) is not { } line || error.Start.Column > line.Length)
            return null;
        return new(error.Start.Line, error.Start.Column, $"{line[(int)error.Start.Column - 1]}", "cannot begin a value", "Write the value in quotes");
    }

    /// <summary>A line of the wrong kind or indentation.</summary>
    static YamlFault? FindMisplaced(string[] lines, YamlException error)
    {
        if (!error.Message.Contains("expected key", StringComparison.Ordinal) && !error.Message.Contains("'-' indicator", StringComparison.Ordinal)
            && !error.Message.Contains("invalid mapping", StringComparison.Ordinal) && !error.Message.Contains("not allowed in this context", StringComparison.Ordinal))
            return null;
        (int Index, string Text)[] content =
            [.. lines.Index().Where(line => line.Item.Trim() is not ("" or ['#', ..])).Select(line => (line.Index, line.Item))];
        if (content is [.., var former, _] && !former.Text.Contains(':') && !former.Text.TrimStart().StartsWith('-'))
            return WithoutColon(former);
        if (content is not [.., var (index, text)])
            return null;
        if (text.TrimStart().StartsWith("- ", StringComparison.Ordinal) && content.Length > 1 && HasSameIndentation(content[^2].Text, text)
            && !content[^2].Text.TrimStart().StartsWith('-'))
            return new(index + 1, Indentation(text).Length + 1, text.Trim(), "is a list item among the keys of a mapping", "Write either a list or a mapping there");
        if (!text.Contains(':') && !text.TrimStart().StartsWith('-'))
            return WithoutColon((index, text));
        if (content.Length == 1 || HasSameIndentation(content[^2].Text, text))
            return new(index + 1, Indentation(text).Length + 1, text.Trim(), "has more than a key and one value", "Write the value in quotes");
        return new(index + 1, Indentation(text).Length + 1, null, "the indentation of this line fits no line above it",
            "Indent all keys of one mapping, and all '-' of one list, by the same number of blanks");

        static YamlFault WithoutColon((int Index, string Text) line) => new(
            line.Index + 1, Indentation(line.Text).Length + 1, line.Text.Trim(), "has no colon after its key", "Write 'KEY: VALUE'");

        static bool HasSameIndentation(string one, string other) => Indentation(one).Length == Indentation(other).Length;
    }

    static YamlFault Other(YamlException error) =>
        new(error.Start.Line, error.Start.Column, null, $"the YAML cannot be read: {error.Message.TrimEnd('.')}", "Correct it there or just before");

    static string Indentation(string line) => line[..^line.TrimStart(' ', '\t').Length];

    static int LineOf(string text, int index) => text.AsSpan(0, index).Count('\n') + 1;

    static int ColumnOf(string text, int index) => index - (index == 0 ? -1 : text.LastIndexOf('\n', index - 1));

    [GeneratedRegex(@"[-:,{]\s+(?<endpoint>\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]:[^\s,}]+)")]
    private static partial Regex BareEndpoint();

    [GeneratedRegex(@"(?:^\s*(?:-\s+)*|[{,]\s*)(?<pair>[A-Za-z][\w-]*:[^\s,}\]][^\s,}]*)")]
    private static partial Regex JoinedPair();

    [GeneratedRegex(@"(?:[:,\[{-]\s+|[\[{])(?<quote>[""'])(?:(?!\k<quote>).)*$")]
    private static partial Regex OpenQuote();
}
