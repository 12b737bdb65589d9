using System.Net;
using EbpfLb.Configuration;

namespace EbpfLb.Unit.Configuration;

/// <summary>A file and a command line that mean the same give equal configurations.</summary>
public sealed class FileAndFlagsGiveTheSameConfiguration
{
    [Fact]
    public void One_service_by_file_and_by_flags()
    {
        var byFile = Given.Yaml("""
            interface: eth0
            hook: xdp-generic
            events: packets
            services:
              - listen: :80
                backends: [ 172.20.0.2, web.lab:8080 ]
            """);
        var byFlags = Given.Flags(
            "eth0", hook: "xdp-generic", events: "packets", listens: [":80"], backends: ["172.20.0.2", "web.lab:8080"]);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal(HookKind.XdpGeneric, byFile.Configuration!.Hook);
        Assert.Equal(EventLevel.Packets, byFile.Configuration.Events);
        Assert.Equal(new BackendConfiguration("172.20.0.2", 80, 1), byFile.Configuration.Services[0].Backends[0]);
        Assert.Equal(new BackendConfiguration("web.lab", 8080, 1), byFile.Configuration.Services[0].Backends[1]);
    }

    [Fact]
    public void Several_interfaces_by_file_and_by_flags()
    {
        var byFile = Given.Yaml("""
            interface: [ front, back ]
            services: [ { listen: ":80", backends: [ web ] } ]
            """);
        var byFlags = Given.Flags("front", moreInterfaces: ["back"], listens: [":80"], backends: ["web"]);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal(["front", "back"], byFile.Configuration!.Interfaces);
        Assert.NotEqual(
            Given.Flags("back", moreInterfaces: ["front"], listens: [":80"], backends: ["web"]).Configuration,
            byFile.Configuration);
    }

    [Fact]
    public void A_mode_by_file_and_by_flags()
    {
        var byFile = Given.Yaml("""
            interface: eth0
            services: [ { listen: ":80", mode: dsr, backends: [ web ] } ]
            """);
        var byFlags = Given.Flags("eth0", listens: [":80"], backends: ["web"], mode: "dsr");

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal(ForwardingMode.Dsr, byFile.Configuration!.Services[0].Mode);
    }

    [Theory, InlineData("gue"), InlineData("ipip")]
    public void An_encapsulation_by_file_and_by_flags(string word)
    {
        var byFile = Given.Yaml($$"""
            interface: eth0
            services: [ { listen: ":80", mode: tunnel, encapsulation: {{word}}, backends: [ web ] } ]
            """);
        var byFlags = Given.Flags("eth0", listens: [":80"], backends: ["web"], mode: "tunnel", encapsulation: word);
        var byDefault = Given.Flags("eth0", listens: [":80"], backends: ["web"], mode: "tunnel");

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal(ConfigNames.Encapsulations.Parse(word).Value, byFile.Configuration!.Services[0].Encapsulation);
        Assert.Equal(word == "gue", byFlags.Configuration!.Equals(byDefault.Configuration));
    }

    [Theory]
    [InlineData("interface", "interface")]
    [InlineData("service", "service")]
    [InlineData("192.0.2.11", "192.0.2.11")]
    [InlineData("[ 192.0.2.11, '2001:db8::11' ]", "192.0.2.11", "2001:db8::11")]
    public void A_nat_source_by_file_and_by_flags(string written, params string[] sources)
    {
        var byFile = Given.Yaml($$"""
            interface: eth0
            services: [ { listen: ":80", nat-source: {{written}}, backends: [ web ] } ]
            """);
        var byFlags = Given.Flags("eth0", listens: [":80"], backends: ["web"], natSources: sources);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal(sources, byFile.Configuration!.Services[0].NatSource.Select(source => $"{source}"));
        Assert.NotEqual(Given.Flags("eth0", listens: [":80"], backends: ["web"]).Configuration, byFile.Configuration);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Whether_to_leave_it_attached_by_file_and_by_flags(bool leave)
    {
        var byFile = Given.Yaml($$"""
            interface: eth0
            leave-attached: {{(leave ? "true" : "false")}}
            services: [ { listen: ":80", backends: [ web ] } ]
            """);
        var byFlags = Given.Flags("eth0", listens: [":80"], backends: ["web"], leaveAttached: leave);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal(leave, byFile.Configuration!.LeaveAttached);
    }

    [Theory]
    [InlineData("0s", 0)]
    [InlineData("500ms", 500)]
    [InlineData("10m", 600_000)]
    public void A_time_to_drain_by_file_and_by_flags(string drain, int milliseconds)
    {
        var byFile = Given.Yaml($$"""
            interface: eth0
            services: [ { listen: ":80", drain: {{drain}}, backends: [ web ] } ]
            """);
        var byFlags = Given.Flags("eth0", listens: [":80"], backends: ["web"], drain: drain);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), byFile.Configuration!.Services[0].Drain);
    }

    [Theory]
    [InlineData("9464", "127.0.0.1:9464")]
    [InlineData("0.0.0.0:80", "0.0.0.0:80")]
    [InlineData("[::1]:9464", "[::1]:9464")]
    public void Metrics_and_logs_by_file_and_by_flags(string written, string meant)
    {
        var byFile = Given.Yaml($$"""
            interface: eth0
            metrics: "{{written}}"
            logs: json
            services: [ { listen: ":80", backends: [ web ] } ]
            """);
        var byFlags = Given.Flags("eth0", listens: [":80"], backends: ["web"], metrics: written, logs: "json");

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal((IPEndPoint.Parse(meant), LogFormat.Json), (byFile.Configuration!.Metrics, byFile.Configuration.Logs));
    }

    [Fact]
    public void A_health_check_by_file_and_by_flags()
    {
        var byFile = Given.Yaml("""
            interface: eth0
            services:
              - listen: ":80"
                health: { http: /ready?deep=1, every: 2s, timeout: 250ms, rise: 1, fall: 5, port: 8080, when-all-down: try-all }
                backends: [ web ]
            """);
        var byFlags = Given.Flags("eth0", listens: [":80"], backends: ["web"], health:
            ["http=/ready?deep=1", "every=2s", "timeout=250ms", "rise=1", "fall=5", "port=8080", "when-all-down=try-all"]);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal(
            new HealthConfiguration
            {
                Path = "/ready?deep=1",
                Every = TimeSpan.FromSeconds(2),
                Timeout = TimeSpan.FromMilliseconds(250),
                Rise = 1,
                Fall = 5,
                Port = 8080,
                WhenAllDown = AllDownPolicy.TryAll,
            },
            byFile.Configuration!.Services[0].Health);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_check_through_the_tunnel_by_file_and_by_flags(bool isThrough)
    {
        var word = isThrough ? "true" : "false";
        var byFile = Given.Yaml($$"""
            interface: eth0
            services: [ { listen: "192.0.2.10:80", mode: tunnel, health: { tcp: true, tunnel: {{word}} }, backends: [ web ] } ]
            """);
        var byFlags = Given.Flags("eth0", listens: ["192.0.2.10:80"], backends: ["web"], mode: "tunnel", health: ["tcp", $"tunnel={word}"]);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal($"tcp{(isThrough ? " through the tunnel" : "")} every 1s, timeout 500ms, rise 2, fall 3", $"{byFile.Configuration!.Services[0].Health}");
    }

    [Fact]
    public void A_tcp_check_with_its_defaults_by_file_and_by_flags()
    {
        var byFile = Given.Yaml("""
            interface: eth0
            services: [ { listen: ":80", health: { tcp: true }, backends: [ web ] } ]
            """);
        var byFlags = Given.Flags("eth0", listens: [":80"], backends: ["web"], health: ["tcp"]);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal("tcp every 1s, timeout 500ms, rise 2, fall 3", $"{byFile.Configuration!.Services[0].Health}");
        Assert.Equal(AllDownPolicy.Refuse, byFile.Configuration.Services[0].Health!.WhenAllDown);
    }

    [Fact]
    public void The_default_timeout_is_at_most_the_check_interval() =>
        Assert.Equal(TimeSpan.FromMilliseconds(200),
            Given.GoodFlagsBut(health: ["tcp", "every=200ms"]).Configuration!.Services[0].Health!.Timeout);

    [Fact]
    public void Ipv6_by_file_and_by_flags()
    {
        var byFile = Given.Yaml("""
            interface: eth0
            services:
              - listen: "[2001:db8::1]:80/tcp"
                backends:
                  - 2001:DB8::2
                  - "[2001:db8::3]:8080"
                  - { address: 2001:db8::4 }
                  - { address: "[2001:db8::5]:81" }
            """);
        var byFlags = Given.Flags(
            "eth0", listens: ["[2001:db8::1]:80"],
            backends: ["[2001:db8::2]", "[2001:db8::3]:8080", "2001:db8::4", "[2001:db8::5]:81"]);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        var service = Assert.Single(byFile.Configuration!.Services);
        Assert.Equal("tcp-2001-db8--1-80", service.Name);
        Assert.Equal(new ListenEndpoint(IPAddress.Parse("2001:db8::1"), 80, TransportProtocol.Tcp), service.Listen);
        Assert.Equal(
            [new("2001:db8::2", 80, 1), new("2001:db8::3", 8080, 1), new("2001:db8::4", 80, 1), new("2001:db8::5", 81, 1)],
            service.Backends);
    }

    [Fact]
    public void Room_and_timeouts_by_file_and_by_flags()
    {
        var byFile = Given.Yaml("""
            interface: eth0
            flows: 1048576
            timeouts:
              opening: 500ms
              established: 2h
              ended: 7s
              udp: 3m
            services:
              - { listen: ":80", backends: [ b ] }
            """);
        var byFlags = Given.Flags("eth0", listens: [":80"], backends: ["b"], flows: "1048576",
            timeouts: ["established=120m", "udp=180s", "opening=500ms", "ended=7000ms"]);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal(1048576u, byFile.Configuration!.Flows);
        Assert.Equal(
            new()
            {
                Opening = TimeSpan.FromMilliseconds(500),
                Established = TimeSpan.FromHours(2),
                Ended = TimeSpan.FromSeconds(7),
                Udp = TimeSpan.FromMinutes(3),
            },
            byFile.Configuration.Timeouts);
        Assert.Equal("opening 500ms, established 2h, ended 7s, udp 3m", $"{byFile.Configuration.Timeouts}");
    }

    [Theory]
    [InlineData("docker: { network: lab }", null, "/var/run/docker.sock")]
    [InlineData("docker: { network: lab, socket: \"unix:///run/other.sock\" }", "unix:///run/other.sock", "/run/other.sock")]
    public void Containers_by_file_and_by_flags(string line, string? socket, string path)
    {
        var byFile = Given.Yaml($"""
            interface: eth0
            services:
              - listen: :80
            {line}
            """);
        var byFlags = Given.Flags("eth0", listens: [":80"], docker: "lab", dockerSocket: socket);

        Assert.Empty(byFile.Errors);
        Assert.Equal(byFlags.Configuration, byFile.Configuration);
        Assert.Equal(new DockerConfiguration("lab", path), byFile.Configuration!.Docker);
    }

    [Fact]
    public void A_timeout_that_is_not_given_keeps_its_default() =>
        Assert.Equal(
            new TimeoutConfiguration { Udp = TimeSpan.FromSeconds(5) },
            Given.GoodFlagsBut(timeouts: ["udp=5s"]).Configuration!.Timeouts);

    [Fact]
    public void Each_listen_flag_is_a_service_named_after_its_endpoint()
    {
        var reading = Given.Flags("eth0", listens: [":80", "self:53/udp", "10.0.0.5:443/tcp"], backends: ["b"]);

        Assert.Equal(["tcp-80", "udp-53", "tcp-10.0.0.5-443"], reading.Configuration!.Services.Select(service => service.Name));
        Assert.Equal([80, 53, 443], reading.Configuration.Services.Select(service => (int)service.Backends[0].Port));
        Assert.Equal(
            [
                new ListenEndpoint(null, 80, TransportProtocol.Tcp),
                new ListenEndpoint(null, 53, TransportProtocol.Udp),
                new ListenEndpoint(IPAddress.Parse("10.0.0.5"), 443, TransportProtocol.Tcp),
            ],
            reading.Configuration.Services.Select(service => service.Listen));
    }

    [Fact]
    public void A_setting_that_is_not_given_has_a_default()
    {
        var configuration = Given.Flags("eth0", listens: [":80"], backends: ["b"]).Configuration!;

        Assert.Equal(HookKind.Auto, configuration.Hook);
        Assert.Equal(EventLevel.Flows, configuration.Events);
        Assert.Equal(ForwardingMode.Nat, configuration.Services[0].Mode);
        Assert.Equal(TimeSpan.FromSeconds(30), configuration.Services[0].Drain);
        Assert.Null(configuration.Services[0].Health);
        Assert.Equal(1, configuration.Services[0].Backends[0].Weight);
        Assert.Equal(65536u, configuration.Flows);
        Assert.Equal("opening 31s, established 135m, ended 10s, udp 1m", $"{configuration.Timeouts}");
    }

    [Fact]
    public void A_file_names_and_weighs_and_may_leave_a_service_without_backends()
    {
        var configuration = Given.Yaml("""
            interface: eth0
            services:
              - name: web
                listen: self:80/tcp
                algorithm: round-robin
                backends: [ { address: "172.20.0.3:81", weight: 2 }, { address: old, weight: 0 } ]
              - { name: empty, listen: 10.0.0.5:80 }
            """).Configuration!;

        Assert.Equal(["web", "empty"], configuration.Services.Select(service => service.Name));
        Assert.Equal([new("172.20.0.3", 81, 2), new("old", 80, 0)], configuration.Services[0].Backends);
        Assert.Empty(configuration.Services[1].Backends);
    }
}
