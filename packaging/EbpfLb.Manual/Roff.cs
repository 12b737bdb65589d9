using System.Text;

namespace EbpfLb.Manual;

/// <summary>Text in the language of manual pages: man(7), read by groff and mandoc.</summary>
sealed class Roff
{
    readonly StringBuilder _text = new();

    /// <summary>A request (<c>.SH</c>, <c>.TP</c>) with its arguments, each quoted.</summary>
    public Roff Request(string name, params string[] arguments)
    {
        _text.Append('.').Append(name);
        foreach (var argument in arguments)
            _text.Append(" \"").Append(Escape(argument).Replace("\"", "\\(dq", StringComparison.Ordinal)).Append('"');
        _text.Append('\n');
        return this;
    }

    /// <summary>A line of prose.</summary>
    public Roff Line(string text)
    {
        _text.Append(Protect(Escape(text))).Append('\n');
        return this;
    }

    /// <summary>A term, bold, and what stands for its value, italic and in angle brackets in the help.</summary>
    public Roff Term(string bold, string italic)
    {
        _text.Append("\\fB").Append(Escape(bold)).Append("\\fR");
        if (italic.Length > 0)
            _text.Append(" \\fI").Append(Escape(italic)).Append("\\fR");
        _text.Append('\n');
        return this;
    }

    /// <summary>Lines as they stand, without filling.</summary>
    public Roff Verbatim(IEnumerable<string> lines)
    {
        Request("nf");
        foreach (var line in lines)
            Line(line);
        return Request("fi");
    }

    public override string ToString() => _text.ToString();

    /// <summary>A hyphen that may be typed is a minus, and a backslash is written by name (groff_char(7)).</summary>
    static string Escape(string text) =>
        text.Replace("\\", "\\(rs", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal);

    /// <summary>A line that begins with a dot or an apostrophe would be a request.</summary>
    static string Protect(string line) => line is ['.' or '\'', ..] ? "\\&" + line : line;
}
