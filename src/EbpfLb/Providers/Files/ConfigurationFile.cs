using System.Buffers;
using EbpfLb.Configuration;

namespace EbpfLb.Providers.Files;

/// <summary>A configuration file: its text, or the error that prevents reading it.</summary>
sealed record ConfigurationFile
{
    const int MaxSize = 4 * 1024 * 1024; // bytes

    readonly string _name;
    readonly string? _text;
    readonly ConfigurationError? _error;

    ConfigurationFile(string name, string? text, ConfigurationError? obstacle) => (_name, _text, _error) = (name, text, obstacle);

    /// <summary>False for a pipe, which can be read only once.</summary>
    public bool CanBeReadAgain { get; private init; }

    /// <summary>Reads and validates a file. An unreadable file is an error of the result.</summary>
    public static ConfigurationResult Read(string path) => Load(path).Validate();

    /// <summary>Reads a file. Files with the same name and text are equal.</summary>
    public static ConfigurationFile Load(string path)
    {
        var content = ArrayPool<byte>.Shared.Rent(MaxSize + 1);
        try
        {
            using var file = File.OpenRead(path);
            var length = file.ReadAtLeast(content.AsSpan(0, MaxSize + 1), MaxSize + 1, throwOnEndOfStream: false);
            if (length > MaxSize)
                return CreateUnreadable(path, $"is larger than {MaxSize / 1024 / 1024} MiB", "Name a smaller file");
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(content, 0, length);
            return new(Path.GetFileName(path), text.TrimStart('\uFEFF'), null) { CanBeReadAgain = file.CanSeek };
        }
        catch (DecoderFallbackException)
        {
            return CreateUnreadable(path, "is not UTF-8 text", "Save it as UTF-8");
        }
        catch (UnauthorizedAccessException) when (Directory.Exists(path))
        {
            return CreateUnreadable(path, "is a directory", "Name the file in it");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return CreateUnreadable(
                path, $"cannot be read: {error.Message.TrimEnd('.')}", "Name a file that exists and that you may read");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(content);
        }
    }

    /// <summary>The configuration, or every error.</summary>
    public ConfigurationResult Validate() => _text is null ? new(null, [_error!]) : YamlReader.Read(_text, _name);

    static ConfigurationFile CreateUnreadable(string path, string problem, string remedy) =>
        new(path, null, new ConfigurationError("--config", path, problem, remedy));
}
