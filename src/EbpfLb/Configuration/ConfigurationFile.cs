using System.Text;

namespace EbpfLb.Configuration;

/// <summary>Reads a configuration file.</summary>
static class ConfigurationFile
{
    const int LargestFile = 256 * 1024; // bytes

    /// <summary>Reads and validates the file; one that cannot be read is a fault as well.</summary>
    public static Reading Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var content = new byte[LargestFile + 1];
            var length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            if (length > LargestFile)
                return Unreadable(path, $"is larger than {LargestFile / 1024} KiB", "Name a smaller file");
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(content, 0, length);
            return YamlSource.Read(text.TrimStart('\uFEFF'), Path.GetFileName(path));
        }
        catch (DecoderFallbackException)
        {
            return Unreadable(path, "is not UTF-8 text", "Save it as UTF-8");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Unreadable(
                path, $"cannot be read: {fault.Message.TrimEnd('.')}", "Name a file that exists and that you may read");
        }
    }

    static Reading Unreadable(string path, string problem, string remedy) =>
        new(null, [new Fault("--config", path, problem, remedy)]);
}
