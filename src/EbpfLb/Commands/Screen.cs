namespace EbpfLb.Commands;

/// <summary>
/// Shows one text after the other: on a terminal each in the place of the one before, cut to what fits; elsewhere one
/// below the other.
/// </summary>
sealed class Screen : IDisposable
{
    // xterm's control sequences: the alternate screen, the cursor and the wrapping of lines, each off and on again.
    const string Enter = "\u001b[?1049h\u001b[?25l\u001b[?7l";
    const string Leave = "\u001b[?7h\u001b[?25h\u001b[?1049l";
    const string Home = "\u001b[H";
    const string EndOfLine = "\u001b[K";
    const string EndOfScreen = "\u001b[J";

    readonly TextWriter _output;
    readonly Func<int>? _height;

    /// <param name="output">Where to.</param>
    /// <param name="height">Tells how many lines the terminal has; null where the output is none.</param>
    public Screen(TextWriter output, Func<int>? height)
    {
        (_output, _height) = (output, height);
        if (_height is not null)
            _output.Write(Enter);
    }

    public void Show(string text)
    {
        if (_height is null)
        {
            _output.WriteLine(text);
        }
        else
        {
            var lines = text.TrimEnd('\n').Split('\n');
            var fitting = _height() - 1; // the last one is the cursor's
            IEnumerable<string> shown = lines.Length <= fitting
                ? lines
                : [.. lines[..Math.Max(0, fitting - 1)], $"... and {lines.Length - Math.Max(0, fitting - 1)} more lines"];
            _output.Write($"{Home}{string.Concat(shown.Select(line => $"{line}{EndOfLine}\n"))}{EndOfScreen}");
        }
        _output.Flush();
    }

    public void Dispose()
    {
        if (_height is null)
            return;
        _output.Write(Leave);
        _output.Flush();
    }
}
