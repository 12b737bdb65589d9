using System.Buffers;
using System.Text;

namespace EbpfLb.Configuration;

/// <summary>A configuration file as it was found: its text, or what keeps it from being read.</summary>
sealed record ConfigurationFile
{
    const int LargestFile = 256 * 1024; // bytes

    readonly string _name;
    readonly string? _text;
    readonly Fault? _obstacle;

    ConfigurationFile(string name, string? text, Fault? obstacle) => (_name, _text, _obstacle) = (name, text, obstacle);

    /// <summary>Whether it may be watched: what comes by a pipe can be read but once.</summary>
    public bool CanBeReadAgain { get; private init; }

    /// <summary>Reads and validates the file; one that cannot be read is a fault as well.</summary>
    public static Reading Read(string path) => Load(path).Validate();

    /// <summary>Reads the file. Two that say the same in the same words are equal.</summary>
    public static ConfigurationFile Load(string path)
    {
        var content = ArrayPool<byte>.Shared.Rent(LargestFile + 1);
        try
        {
            using var file = File.OpenRead(path);
            var length = file.ReadAtLeast(content.AsSpan(0, LargestFile + 1), LargestFile + 1, throwOnEndOfStream: false);
            if (length > LargestFile)
                return Unreadable(path, $"is larger than {LargestFile / 1024} KiB", "Name a smaller file");
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(content, 0, length);
            return new(Path.GetFileName(path), text.TrimStart('\uFEFF'), null) { CanBeReadAgain = file.CanSeek };
        }
        catch (DecoderFallbackException)
        {
            return Unreadable(path, "is not UTF-8 text", "Save it as UTF-8");
        }
        catch (UnauthorizedAccessException) when (Directory.Exists(path))
        {
            return Unreadable(path, "is a directory", "Name the file in it");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Unreadable(
                path, $"cannot be read: {fault.Message.TrimEnd('.')}", "Name a file that exists and that you may read");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(content);
        }
    }

    /// <summary>The configuration that it holds, or every fault.</summary>
    public Reading Validate() => _text is null ? new(null, [_obstacle!]) : YamlSource.Read(_text, _name);

    static ConfigurationFile Unreadable(string path, string problem, string remedy) =>
        new(path, null, new Fault("--config", path, problem, remedy));
}
