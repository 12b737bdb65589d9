namespace EbpfLb.Unit.Commands;

public sealed class CheckDescribesAConfigurationFile : IDisposable
{
    readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task If_it_is_valid()
    {
        var (code, output, error) = await Check("""
            interface: nosuch0
            services:
              - { name: web, listen: ":80", backends: [ 172.20.0.2, { address: "b:81", weight: 2 } ] }
              - { listen: 10.0.0.5:53/udp }
              - { name: six, listen: "[fd00::5]:80", mode: dsr, backends: [ fd00::6, "[fd00::7]:80" ] }
              - { name: far, listen: "10.0.0.6:80", mode: tunnel, encapsulation: gue, backends: [ 10.1.0.2 ] }
              - { name: two, listen: ":81", nat-source: [ 10.0.0.11, "fd00::11" ], backends: [ 172.20.0.2 ] }
            """);

        Assert.Equal(0, code);
        Assert.Equal(
            "warning: service 'udp-10.0.0.5-53' has no backend: its clients are refused. Add one under 'backends:'.\n"
            + "warning: this machine has no interface 'nosuch0'. 'ip link' lists those it has.\n", error);
        Assert.Equal($"""
            {_file} is valid: interface nosuch0, hook auto
              room for 65536 flows; idle timeouts: opening 31s, established 135m, ended 10s, udp 1m
              web self:80/tcp -> 172.20.0.2:80, b:81 (weight 2)
              udp-10.0.0.5-53 10.0.0.5:53/udp -> no backend
              six [fd00::5]:80/tcp (mode dsr) -> [fd00::6]:80, [fd00::7]:80
              far 10.0.0.6:80/tcp (mode tunnel, encapsulation gue) -> 10.1.0.2:80
              two self:81/tcp (nat-source 10.0.0.11, fd00::11) -> 172.20.0.2:81

            """, output);
    }

    [Fact]
    public async Task If_it_is_invalid()
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

    [Theory]
    [InlineData("interface: lo\nservices: [{ listen: ':80', backends: [b] }]", "")]
    [InlineData("interface: lo\nservices: [{ listen: ':80' }]", "service 'tcp-80' has no backend")]
    [InlineData("interface: lo\nservices: [{ listen: ':80' }]\ndocker: { network: web }", "")]
    [InlineData("interface: lo\nservices: [{ listen: ':80', backends: [{ address: b, weight: 0 }] }]",
        "every backend of service 'tcp-80' has weight 0: new clients are refused.")]
    [InlineData("interface: lo\nsockets: /sys/fs/cgroup\nservices: [{ listen: ':80', backends: [b] }]", "")]
    [InlineData("interface: lo\nsockets: /sys/fs/cgroup/no/such\nservices: [{ listen: ':80', backends: [b] }]",
        "this machine has no cgroup /sys/fs/cgroup/no/such: no client in it is balanced at its socket until it is created.")]
    [InlineData("interface: [lo, nosuch0]\nservices: [{ listen: ':80', backends: [b] }]", "this machine has no interface 'nosuch0'.")]
    public async Task A_service_that_cannot_work_is_a_warning_and_fails_a_strict_check(string text, string warning)
    {
        var (code, _, error) = await Check(text);
        var (strict, _, same) = await Check(text, "--strict");

        Assert.Equal((0, warning.Length > 0 ? 1 : 0, error), (code, strict, same));
        Assert.Equal(warning.Length > 0, error.StartsWith("warning: ", StringComparison.Ordinal));
        Assert.Contains(warning, error, StringComparison.Ordinal);
    }

    async Task<(int Code, string Output, string Error)> Check(string text, string flag = "")
    {
        await File.WriteAllTextAsync(_file, text, TestContext.Current.CancellationToken);
        return await new Shell().Type($"check --config {_file} {flag}".TrimEnd());
    }
}
