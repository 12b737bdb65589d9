namespace EbpfLb.Commands;

/// <summary>Shows successive texts. On a terminal each replaces the one before, cut to the height.</summary>
sealed class Screen : IDisposable
{
    // xterm control sequences: alternate screen, cursor and line wrapping, each off and on again.
    const string Enter = "\u001b[?1049h\u001b[?25l\u001b[?7l";
    const string Leave = "\u001b[?7h\u001b[?25h\u001b[?1049l";
    const string Home = "\u001b[H";
    const string EndOfLine = "\u001b[K";
    const string EndOfScreen = "\u001b[J";

    readonly TextWriter _output;
    readonly Func<(int Width, int Height)>? _size;

    /// <param name="size">Returns the terminal's size in characters, 0 if unknown; null if the output is not a terminal.</param>
    public Screen(TextWriter output, Func<(int Width, int Height)>? size)
    {
        (_output, _size) = (output, size);
        if (_size is not null)
            _output.Write(Enter);
    }

    /// <summary>The terminal's width; null if there is none, or it is unknown.</summary>
    public int? Width => _size?.Invoke().Width is > 0 and var width ? width : null;

    public void Show(string text)
    {
        if (_size is null)
        {
            _output.WriteLine(text);
        }
        else
        {
            var shown = Fit(text.TrimEnd('\n').Split('\n'), _size().Height);
            _output.Write($"{Home}{string.Concat(shown.Select(line => $"{line}{EndOfLine}\n"))}{EndOfScreen}");
        }
        _output.Flush();
    }

    static string[] Fit(string[] lines, int height)
    {
        var room = height - 1; // the last line is the cursor's
        if (height <= 0 || lines.Length <= room)
            return lines;
        var whole = Math.Max(0, room - 1);
        return [.. lines[..whole], $"... and {lines.Length - whole} more lines"];
    }

    public void Dispose()
    {
        if (_size is null)
            return;
        _output.Write(Leave);
        _output.Flush();
    }
}
