namespace EbpfLb.Unit.Commands;

public sealed class CheckDescribesAConfigurationFile : IDisposable
{
    readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task Where_it_is_valid()
    {
        var (code, output, error) = await Check("""
            interface: eth0
            services:
              - { name: web, listen: ":80", backends: [ 172.20.0.2, { address: "b:81", weight: 2 } ] }
              - { listen: 10.0.0.5:53/udp }
              - { name: six, listen: "[fd00::5]:80", mode: dsr, backends: [ fd00::6, "[fd00::7]:80" ] }
            """);

        Assert.Equal((0, ""), (code, error));
        Assert.Equal($"""
            {_file} is valid: interface eth0, hook auto
              room for 65536 flows, which may idle: opening 31s, established 135m, ended 10s, udp 1m
              web self:80/tcp -> 172.20.0.2:80, b:81 (weight 2)
              udp-10.0.0.5-53 10.0.0.5:53/udp -> no backend
              six [fd00::5]:80/tcp (mode dsr) -> [fd00::6]:80, [fd00::7]:80

            """, output);
    }

    [Fact]
    public async Task Where_it_is_not()
    {
        var (code, output, error) = await Check("interface: eth0\nhook: xdp\nservice: []\n");

        Assert.Equal((2, ""), (code, output));
        var name = Path.GetFileName(_file);
        Assert.Equal($"""
            error: {name}:1:1 services: no services are configured. Name at least one under 'services:'.
            error: {name}:2:7 hook: 'xdp' is not a valid hook. Use one of: auto, tc, xdp-native, xdp-generic.
            error: {name}:3:1: 'service' is not a known key. Perhaps 'services' is meant.

            """, error);
    }

    async Task<(int Code, string Output, string Error)> Check(string text)
    {
        await File.WriteAllTextAsync(_file, text, TestContext.Current.CancellationToken);
        return await new Shell().Type($"check --config {_file}");
    }
}
