namespace EbpfLb.Networking;

/// <summary>Text files of the kernel.</summary>
static class ProcFile
{
    /// <summary>Empty if the kernel has not what the file is about.</summary>
    public static IEnumerable<string> Lines(string path) => File.Exists(path) ? File.ReadLines(path) : [];

    /// <summary>The words of a line, or of a file with one line.</summary>
    public static string[] Fields(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    public static uint Hex(string digits) => uint.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
