namespace EbpfLb.Commands;

/// <summary>A column of a table for people.</summary>
/// <param name="Width">The least width in characters, if there is room for it.</param>
/// <param name="Min">Cells may be cut to this width; 0 if they are shown whole or not at all.</param>
/// <param name="Rank">When room is short, the column of the highest rank is left out first; 0 is never left out.</param>
sealed record Column(string Title, int Width = 0, int Min = 0, bool IsRight = false, int Rank = 0);

/// <summary>A cell of a table: its text, and an SGR colour (ECMA-48); 0 for none.</summary>
readonly record struct Cell(string Text, int Colour = 0)
{
    public static implicit operator Cell(string text) => new(text);
}

/// <summary>
/// Lays out lines for people. A terminal's width is kept by cutting cells and leaving out columns; without a width, as in
/// a pipe, nothing is cut.
/// </summary>
sealed class TextTable
{
    const string Indent = "    ";
    const char Mark = '…';

    readonly string _indent;
    readonly Column[] _columns;
    readonly int[] _widths;
    readonly bool[] _isShown;
    readonly bool _isLimited;

    /// <param name="width">The width of the terminal in characters; null for no limit.</param>
    /// <param name="rows">Rows that are known; their columns grow with their cells.</param>
    public TextTable(int? width, Column[] columns, IReadOnlyList<Cell[]>? rows = null, string indent = Indent)
    {
        (_columns, _isLimited, _indent) = (columns, width is not null, indent);
        _widths = [.. columns.Select((column, index) => (rows ?? []).Select(row => row[index].Text.Length)
            .Append(column.Title.Length).Append(column.Width).Max())];
        _isShown = [.. columns.Select(_ => true)];
        if (width is { } room)
            Fit(room);
    }

    public bool HasCut { get; private set; }

    public IEnumerable<string> LeftOut => _columns.Where((_, index) => !_isShown[index]).Select(column => column.Title);

    public string Header => Row([.. _columns.Select(column => new Cell(column.Title))]);

    public string Row(params Cell[] cells) => _indent + string.Join(' ', cells.Index().Where(cell => _isShown[cell.Index]).Select(cell =>
    {
        var text = Cut(cell.Item.Text, _widths[cell.Index]);
        HasCut |= text != cell.Item.Text;
        return Colour(_columns[cell.Index].IsRight ? text.PadLeft(_widths[cell.Index]) : text.PadRight(_widths[cell.Index]), cell.Item.Colour);
    }));

    public static string Colour(string text, int colour) => colour == 0 ? text : $"\u001b[{colour}m{text}\u001b[0m";

    /// <summary>A name with its endpoint; the endpoint alone if the name is its address.</summary>
    public static string NameOnce(string name, string endPoint) =>
        endPoint.StartsWith(name.Contains(':') ? $"[{name}]" : $"{name}:", StringComparison.Ordinal) ? endPoint : $"{name} {endPoint}";

    /// <summary>Breaks a text between words, so that each line has at most this width.</summary>
    /// <param name="text">Words that are longer than a line stay whole.</param>
    /// <param name="width">In characters; null for one line.</param>
    public static IEnumerable<string> Lines(string text, int? width)
    {
        var line = new StringBuilder();
        foreach (var word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > (width ?? int.MaxValue))
            {
                yield return line.ToString();
                line.Clear();
            }
            line.Append(line.Length > 0 ? " " : "").Append(word);
        }
        yield return line.ToString();
    }

    /// <summary>Joins phrases with commas. A line that would be too long goes on below, indented.</summary>
    /// <param name="width">The width of the terminal in characters; null for no limit.</param>
    /// <param name="phrases">Their colours take no room.</param>
    public static string Wrap(int? width, string start, params IEnumerable<Cell> phrases)
    {
        var text = new StringBuilder(start);
        var (used, separator) = (start.Length, "");
        foreach (var phrase in phrases)
        {
            if (width is { } room && separator.Length > 0 && used + separator.Length + phrase.Text.Length + 1 > room)
                (used, separator) = (Indent.Length, $",\n{Indent}");
            else
                used += separator.Length;
            text.Append(separator).Append(Colour(phrase.Text, phrase.Colour));
            (used, separator) = (used + phrase.Text.Length, ", ");
        }
        return text.ToString();
    }

    /// <summary>Says what a wider terminal shows; nothing if it shows no more.</summary>
    /// <param name="leftOut">See <see cref="LeftOut"/>.</param>
    /// <param name="cut">What is cut; null if nothing is.</param>
    public static void WriteMore(TextWriter output, int? width, string indent, IEnumerable<string> leftOut, string? cut)
    {
        Cell[] more = [.. leftOut.Append(cut).OfType<string>().Select(what => new Cell(what))];
        if (more.Length > 0)
            output.WriteLine(Wrap(width, $"{indent}a wider terminal shows ", more));
    }

    /// <summary>Leaves out columns until the least widths fit, and then cuts the widest.</summary>
    void Fit(int room)
    {
        while (Total(index => _columns[index].Min > 0 ? Math.Min(_columns[index].Min, _widths[index]) : _widths[index]) > room
            && _columns.Index().Where(column => _isShown[column.Index] && column.Item.Rank > 0).ToArray() is { Length: > 0 } spare)
            _isShown[spare.MaxBy(column => column.Item.Rank).Index] = false;
        while (Total(index => _widths[index]) > room
            && _columns.Index().Where(column => _isShown[column.Index] && column.Item.Min > 0 && _widths[column.Index] > column.Item.Min)
                .ToArray() is { Length: > 0 } wide)
            _widths[wide.MaxBy(column => _widths[column.Index]).Index]--;
    }

    int Total(Func<int, int> widthOf)
    {
        var shown = Enumerable.Range(0, _columns.Length).Where(index => _isShown[index]).ToArray();
        return _indent.Length + shown.Sum(widthOf) + shown.Length - 1;
    }

    /// <summary>Keeps both ends: the middle of an address or a name says the least.</summary>
    string Cut(string text, int width)
    {
        if (text.Length <= width || !_isLimited)
            return text;
        var head = (width - 1) / 3;
        return $"{text[..head]}{Mark}{text[^(width - 1 - head)..]}";
    }
}
