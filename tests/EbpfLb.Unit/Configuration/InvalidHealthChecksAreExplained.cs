
namespace EbpfLb.Unit.Configuration;

/// <summary>What is wrong with a health check is said where it stands, with what to do about it.</summary>
public sealed class InvalidHealthChecksAreExplained
{
    [Theory]
    [InlineData("http=ready", "--health http", "is not a valid HTTP path", "Begin it with '/'")]
    [InlineData("http=", "--health http", "is not a valid HTTP path", "Begin it with '/'")]
    [InlineData("http=/a b", "--health http", "is not a valid HTTP path", "write %20 for a blank")]
    [InlineData("http=/a\r\nHost: b", "--health http", "is not a valid HTTP path", "Begin it with '/'")]
    [InlineData("http=/ready#now", "--health http", "is not a valid HTTP path", "Begin it with '/'")]
    [InlineData("tcp=false", "--health tcp", "is not true", "Write true")]
    public void How_it_cannot_be_made(string health, string place, string problem, string remedy) =>
        AssertOnly([health], place, health[(health.IndexOf('=') + 1)..], problem, remedy);

    [Theory]
    [InlineData("every=99ms", "is not a valid check interval", "Use 100ms to 1h")]
    [InlineData("every=61m", "is not a valid check interval", "Use 100ms to 1h")]
    [InlineData("every=1", "is not a valid check interval", "500ms, 2s or 1m")]
    [InlineData("timeout=9ms", "is not a valid check timeout", "Use 10ms to 1s, the check interval")]
    [InlineData("timeout=1001ms", "is not a valid check timeout", "Use 10ms to 1s, the check interval")]
    [InlineData("rise=0", "is not a number of checks in a row", "1 to 100")]
    [InlineData("fall=101", "is not a number of checks in a row", "1 to 100")]
    [InlineData("fall=two", "is not a number of checks in a row", "1 to 100")]
    [InlineData("port=0", "is not a port", "1 to 65535")]
    [InlineData("port=http", "is not a port", "1 to 65535")]
    [InlineData("when-all-down=panic", "is not a policy for new flows", "refuse, try-all")]
    public void An_invalid_value(string health, string problem, string remedy)
    {
        var equals = health.IndexOf('=');
        AssertOnly(["tcp", health], $"--health {health[..equals]}", health[(equals + 1)..], problem, remedy);
    }

    [Theory]
    [InlineData("https=/", "is not a key of a health check", "Perhaps 'http' is meant")]
    [InlineData("interval=1s", "is not a key of a health check", "tcp, http, every, timeout")]
    [InlineData("http", "has no '='", "Write it as http=/")]
    [InlineData("tcp", "is given twice", "Keep one")]
    public void An_invalid_pair(string health, string problem, string remedy) =>
        AssertOnly(["tcp", health], "--health", health == "tcp" ? "tcp=true" : health, problem, remedy);

    [Theory, InlineData("tcp:80"), InlineData("http:/ready")]
    public void A_pair_with_a_colon_is_one_error(string health) =>
        AssertOnly([health], "--health", health, "has no '='", "Write it as http=/");

    [Fact]
    public void A_missing_kind_of_check() =>
        AssertOnly(["every=2s"], "--health", null, "the kind of check is missing", "Add tcp, or http with a path");

    [Fact]
    public void Two_kinds_of_check() =>
        AssertOnly(["tcp", "http=/"], "--health tcp", "true", "cannot be combined with http", "Keep one of tcp and http");

    [Theory]
    [InlineData(":53/udp", "the service is one of UDP", "Configure a port on which the backends answer over TCP")]
    [InlineData(":*", "this service has every port", "Configure a port for the checks")]
    public void A_service_whose_checks_need_a_port_of_their_own(string listen, string problem, string remedy)
    {
        var faults = Given.GoodFlagsBut(listen: listen, health: ["tcp"]).Errors;

        var fault = Assert.Single(faults);
        Assert.Equal("--health", fault.Location.Text);
        Assert.Contains(problem, fault.Problem, StringComparison.Ordinal);
        Assert.Contains(remedy, fault.Remedy, StringComparison.Ordinal);
        Assert.Empty(Given.GoodFlagsBut(listen: listen, health: ["tcp", "port=8080"]).Errors);
    }

    [Fact]
    public void But_not_after_an_invalid_listen() =>
        Assert.Equal("--listen", Assert.Single(Given.GoodFlagsBut(listen: ":0", health: ["tcp"]).Errors).Location.Text);

    [Fact]
    public void Those_of_a_file_all_at_once_with_their_lines()
    {
        var faults = Given.Yaml("""
            interface: eth0
            services:
              - listen: ":80"
                health: { http: ready, evry: 1s, rise: [ 2 ], fall: 0 }
              - listen: ":81"
                health: yes
              - listen: ":53/udp"
                health: { tcp: true }
            """).Errors;

        Assert.Equal(
            [
                "lb.yaml:4:21 services[0].health.http: 'ready' is not a valid HTTP path. "
                    + "Begin it with '/', use at most 1024 characters, and write %20 for a blank.",
                "lb.yaml:4:28 services[0].health: 'evry' is not a known key. Perhaps 'every' is meant.",
                "lb.yaml:4:44 services[0].health.rise: '[...]' is not a single value. "
                    + "Write one value after 'rise:', in quotes where it begins with a bracket.",
                "lb.yaml:4:57 services[0].health.fall: '0' is not a number of checks in a row. Use a whole number of 1 to 100.",
                "lb.yaml:6:13 services[1].health: 'yes' is not a mapping with the keys tcp, http, every, timeout, rise, fall, port, tunnel, "
                    + "when-all-down. See the example in 'ebpf-lb run --help'.",
                "lb.yaml:8:13 services[2].health: checks connect over TCP, and the service is one of UDP. "
                    + "Configure a port on which the backends answer over TCP, or remove the checks.",
            ],
            faults.Select(fault => fault.ToString()));
    }

    static void AssertOnly(string[] health, string place, string? value, string problem, string remedy)
    {
        var fault = Assert.Single(Given.GoodFlagsBut(health: health).Errors);

        Assert.Equal((place, value), (fault.Location.Text, fault.Value));
        Assert.Contains(problem, fault.Problem, StringComparison.Ordinal);
        Assert.Contains(remedy, fault.Remedy, StringComparison.Ordinal);
    }
}
