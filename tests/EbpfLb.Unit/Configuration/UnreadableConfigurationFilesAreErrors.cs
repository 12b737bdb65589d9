using EbpfLb.Providers.Files;

namespace EbpfLb.Unit.Configuration;

public sealed class UnreadableConfigurationFilesAreErrors : IDisposable
{
    readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Because_it_does_not_exist() => AssertFault("/nowhere/lb.yaml", "cannot be read: Could not find");

    [Fact]
    public void Because_it_is_a_directory() => AssertFault("/tmp", "is a directory");

    [Fact]
    public void Because_its_name_is_empty() => AssertFault("", "cannot be read");

    [Fact]
    public void Because_it_is_huge()
    {
        using (var file = File.OpenWrite(_path))
            file.SetLength(1L << 33);

        AssertFault(_path, "is larger than 4 MiB");
    }

    [Fact]
    public void Because_it_never_ends() => AssertFault("/dev/zero", "is larger than 4 MiB");

    [Fact]
    public void Because_it_is_not_text()
    {
        File.WriteAllBytes(_path, [0xff, 0xfe, 0xfd]);

        AssertFault(_path, "is not UTF-8 text");
    }

    [Fact]
    public void But_a_byte_order_mark_is_fine()
    {
        File.WriteAllBytes(_path, [0xef, 0xbb, 0xbf, .. "interface: eth0\nservices: [{listen: ':80'}]"u8]);

        Assert.Equal(["eth0"], ConfigurationFile.Read(_path).Configuration!.Interfaces);
    }

    static void AssertFault(string path, string problem)
    {
        var fault = Assert.Single(ConfigurationFile.Read(path).Errors);
        Assert.Equal(("--config", path), (fault.Location.Text, fault.Value));
        Assert.Contains(problem, fault.Problem, StringComparison.Ordinal);
    }
}
