using System.Text;

namespace EbpfLb.Manual;

/// <summary>Paragraphs and list items of Markdown, in lines of at most 110 columns.</summary>
static class Prose
{
    const int Width = 110;

    /// <summary>Breaks a paragraph at its spaces; the lines that follow the first begin with <paramref name="indent"/>.</summary>
    public static string Wrap(string paragraph, string indent = "")
    {
        var text = new StringBuilder();
        var column = 0;
        foreach (var word in paragraph.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (column > 0 && column + 1 + word.Length > Width)
            {
                text.Append('\n').Append(indent);
                column = indent.Length;
            }
            else if (column > 0)
            {
                text.Append(' ');
                column++;
            }
            text.Append(word);
            column += word.Length;
        }
        return text.ToString();
    }
}
