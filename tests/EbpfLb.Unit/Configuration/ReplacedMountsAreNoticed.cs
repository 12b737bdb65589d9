using EbpfLb.Providers.Files;

namespace EbpfLb.Unit.Configuration;

/// <summary>An engine mounts a file, not its name: what an editor puts in its place is never seen.</summary>
public sealed class ReplacedMountsAreNoticed
{
    [Theory]
    [InlineData("/etc/lb.yaml", "/srv/lb.yaml//deleted", "/etc/lb.yaml", true)]
    [InlineData("/etc/my lb.yaml", @"/srv/lb.yaml//deleted", @"/etc/my\040lb.yaml", true)]
    [InlineData("/etc/lb.yaml", "/srv/lb.yaml", "/etc/lb.yaml", false)]
    [InlineData("/etc/lb.yaml", "/srv/lb.yaml//deleted", "/etc/other.yaml", false)]
    public void By_the_root_of_the_mount(string path, string root, string point, bool isReplaced) => Assert.Equal(
        isReplaced, MountedFile.IsReplaced(path, ["21 1 8:1 / / rw - ext4 /dev/sda1 rw", $"99 21 8:1 {root} {point} rw,relatime master:1 - ext4 /dev/sda1 rw"]));

    [Fact]
    public void Every_line_of_this_process_is_parsed()
    {
        Assert.False(MountedFile.IsReplaced("/"));
        Assert.False(MountedFile.IsReplaced("/nowhere/lb.yaml"));
    }
}
