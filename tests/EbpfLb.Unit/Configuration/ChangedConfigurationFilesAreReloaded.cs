using EbpfLb.Configuration;

namespace EbpfLb.Unit.Configuration;

/// <summary>A file that changes is taken up whole, or not at all.</summary>
public sealed class ChangedConfigurationFilesAreReloaded
{
    [Fact]
    public async Task A_change_of_the_services_is_published()
    {
        await using var file = new WatchedFile(Web("172.20.0.2"));

        file.Write(Web("172.20.0.3"));

        Assert.Equal(["172.20.0.3:80"], Backends(await file.Next()));
    }

    [Fact]
    public async Task A_change_that_is_not_valid_changes_nothing_and_names_every_fault_with_its_line_and_column()
    {
        await using var file = new WatchedFile(Web("172.20.0.2"));

        file.Write(Web("172.20.0.300").Replace(":80", ":80000", StringComparison.Ordinal));

        Assert.Collection(await file.Logged(1), line =>
        {
            Assert.StartsWith("Error: FILE is invalid; the old configuration stays:", line, StringComparison.Ordinal);
            Assert.Matches(@"\n  FILE:4:13 services\[0\]\.listen: 'self:80000/tcp' has no valid port", line);
            Assert.Matches(@"\n  FILE:5:17 services\[0\]\.backends\[0\]: '172\.20\.0\.300' ", line);
        });
    }

    [Fact]
    public async Task A_file_that_is_still_being_written_is_not_read()
    {
        await using var file = new WatchedFile(Web("172.20.0.2"));
        var text = Web("172.20.0.3");

        var next = await file.Grow(text[..9], text[..30], text[..50], text);

        Assert.Equal(["172.20.0.3:80"], Backends(next));
        Assert.Empty(file.Lines);
    }

    [Fact]
    public async Task A_valid_change_after_an_invalid_one_is_published()
    {
        await using var file = new WatchedFile(Web("172.20.0.2"));
        file.Write("interface: [");
        await file.Logged(1);

        file.Remove();
        Assert.Contains("cannot be read", (await file.Logged(2))[1], StringComparison.Ordinal);
        file.Write(Web("172.20.0.4"));

        Assert.Equal(["172.20.0.4:80"], Backends(await file.Next()));
    }

    [Fact]
    public async Task And_a_return_to_the_running_configuration_is_logged()
    {
        await using var file = new WatchedFile(Web("172.20.0.2"));
        file.Write("interface: [");
        await file.Logged(1);

        file.Write(Web("172.20.0.2"));

        Assert.Equal("Information: FILE matches the running configuration again", (await file.Logged(2))[1]);
    }

    [Theory]
    [InlineData("interface: eth0", "interface: eth1", "interface")]
    [InlineData("hook: tc", "hook: xdp-generic\nevents: off\nflows: 5000\ntimeouts: { udp: 5s }", "hook, events, flows, timeouts")]
    [InlineData("hook: tc", "hook: tc\nmetrics: 9464\nlogs: json", "metrics, logs")]
    public async Task A_setting_that_takes_a_restart_is_named_and_changes_nothing(string before, string after, string named)
    {
        await using var file = new WatchedFile(Web("172.20.0.2"));

        file.Write(Web("172.20.0.3").Replace(before, after, StringComparison.Ordinal));

        Assert.Equal(
            [$"Error: FILE was not applied: {named} cannot change while running; the old configuration stays until a restart"],
            await file.Logged(1));
    }

    [Fact]
    public async Task A_request_publishes_at_once_even_without_a_change()
    {
        await using var file = new WatchedFile(Web("172.20.0.2"));

        Assert.Equal(["172.20.0.2:80"], Backends(await file.Asked()));
    }

    static string Web(string backend) =>
        $"""
        interface: eth0
        hook: tc
        services:
          - listen: self:80/tcp
            backends: [ {backend} ]
        """;

    static IEnumerable<string> Backends(LoadBalancerConfiguration configuration) =>
        Assert.Single(configuration.Services).Backends.Select(backend => $"{backend}");
}
