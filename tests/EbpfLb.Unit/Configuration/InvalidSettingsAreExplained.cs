using EbpfLb.Configuration;

namespace EbpfLb.Unit.Configuration;

/// <summary>Each wrong value is reported with its place, itself, what is wrong and what to do.</summary>
public sealed class InvalidSettingsAreExplained
{
    [Theory]
    [InlineData("", "is not an interface name")]
    [InlineData("sixteen-letters-", "is longer than the 15 bytes")]
    [InlineData("..", "is not an interface name")]
    [InlineData("eth0/1", "has a character that no interface name has")]
    [InlineData("eth 0", "has a character that no interface name has")]
    public void An_interface_that_cannot_exist(string name, string problem) =>
        AssertOnly(Given.GoodFlagsBut(networkInterface: name), "--interface", name, problem, "'ip link'");

    [Fact]
    public void Whether_to_leave_it_attached_is_true_or_false()
    {
        var reading = Given.Yaml("interface: eth0\nleave-attached: maybe\nservices: [ { listen: ':80', backends: [ web ] } ]");

        AssertOnly(reading, "lb.yaml:2:17 leave-attached", "maybe", "is neither true nor false", "Use one of: false, true");
    }

    [Fact]
    public void An_interface_name_of_the_greatest_length_is_fine() =>
        Assert.Empty(Given.GoodFlagsBut(networkInterface: "fifteen-letters").Errors);

    [Fact]
    public void An_interface_named_twice() =>
        AssertOnly(Given.GoodFlagsBut(moreInterfaces: ["eth1", "eth0"]), "--interface", "eth0", "is named twice", "Name each interface once");

    [Fact]
    public void Too_many_interfaces() =>
        AssertOnly(Given.GoodFlagsBut(moreInterfaces: [.. Enumerable.Range(1, 16).Select(number => $"eth{number}")]),
            "--interface", "eth16", "is one interface too many", "at most 16");

    [Fact]
    public void Interfaces_of_a_file_are_explained_with_their_lines() =>
        Assert.Equal(
            [
                "lb.yaml:1:21 interface[1]: '{...}' is not a single value. "
                    + "Write one value after 'interface[1]:', in quotes where it begins with a bracket.",
                "lb.yaml:1:34 interface[2]: 'eth/1' has a character that no interface name has ('/', ':' or blank). "
                    + "Name one that 'ip link' lists.",
            ],
            Given.Yaml("""
                interface: [ front, { name: b }, eth/1 ]
                services: [ { listen: ":80" } ]
                """).Errors.Select(fault => fault.ToString()));

    [Theory]
    [InlineData("interface: []")]
    [InlineData("interface:")]
    public void No_interface(string line) =>
        Assert.Contains("interface", Assert.Single(Given.Yaml($"{line}\nservices: [ {{ listen: ':80' }} ]").Errors).Location.Text, StringComparison.Ordinal);

    [Theory]
    [InlineData("clients.slice")]
    [InlineData("/sys/fs/cgroup//clients")]
    [InlineData("/sys/fs/cgroup/../clients")]
    [InlineData("/")]
    public void A_path_that_no_cgroup_has(string path) =>
        AssertOnly(Given.Yaml(WithSockets(path)), "lb.yaml:2:10 sockets", path, "is not the path of a cgroup", "/sys/fs/cgroup/clients.slice");

    [Fact]
    public void A_cgroup_inside_another() =>
        AssertOnly(Given.Yaml(WithSockets("[ /sys/fs/cgroup/a/b, /sys/fs/cgroup/a/ ]")),
            "lb.yaml:2:12 sockets[0]", "/sys/fs/cgroup/a/b", "is inside /sys/fs/cgroup/a, which is configured as well", "Name the outer one alone");

    [Fact]
    public void A_cgroup_named_twice() =>
        AssertOnly(Given.Yaml(WithSockets("[ /sys/fs/cgroup/a, /sys/fs/cgroup/a/ ]")),
            "lb.yaml:2:30 sockets[1]", "/sys/fs/cgroup/a/", "is named twice", "Name each cgroup once");

    [Fact]
    public void An_unknown_hook() =>
        AssertOnly(Given.GoodFlagsBut(hook: "xdp"), "--hook", "xdp", "is not a valid hook", "auto, tc, xdp-native, xdp-generic");

    [Fact]
    public void An_unknown_level_of_events() =>
        AssertOnly(Given.GoodFlagsBut(events: "all"), "--events", "all", "is not a valid level of events", "flows, packets, off");

    [Fact]
    public void An_unknown_format_of_logs() =>
        AssertOnly(Given.GoodFlagsBut(logs: "xml"), "--logs", "xml", "is not a valid format of logs", "lines, json");

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("65536")]
    [InlineData("10.0.0.5")]
    [InlineData(":9464")]
    [InlineData("localhost:9464")]
    [InlineData("10.0.0.5:0")]
    [InlineData("::1:9464")]
    public void An_endpoint_that_cannot_serve_metrics(string endpoint) =>
        AssertOnly(Given.GoodFlagsBut(metrics: endpoint),
            "--metrics", endpoint, "is not an endpoint to serve metrics at", "Write 9464 for this machine alone");

    [Theory]
    [InlineData("1023")]
    [InlineData("16777217")]
    [InlineData("99999999999")]
    [InlineData("-2000")]
    [InlineData("64k")]
    [InlineData("")]
    public void A_number_of_flows_that_there_cannot_be_room_for(string flows) =>
        AssertOnly(Given.GoodFlagsBut(flows: flows), "--flows", flows, "is not a valid number of flows", "1024 to 16777216");

    [Theory]
    [InlineData("31")]
    [InlineData("s")]
    [InlineData("")]
    [InlineData("1.5h")]
    [InlineData("-1s")]
    [InlineData("1 s")]
    [InlineData("1S")]
    [InlineData("2d")]
    [InlineData("0s")]
    [InlineData("99ms")]
    [InlineData("721h")]
    [InlineData("999999999h")]
    [InlineData("9999999999h")]
    public void An_invalid_idle_timeout(string time) =>
        AssertOnly(Given.GoodFlagsBut(timeouts: [$"ended={time}"]),
            "--timeout ended", time, "is not an idle timeout", "100ms to 720h, written as 500ms, 31s, 135m or 2h");

    [Theory]
    [InlineData("established", "has no '='", "Write it as established=2h")]
    [InlineData("estabished=2h", "is not a state with a timeout", "'established'")]
    [InlineData("idle=2h", "is not a state with a timeout", "opening, established, ended, udp")]
    [InlineData("=2h", "is not a state with a timeout", "opening, established, ended, udp")]
    public void A_timeout_of_no_state(string timeout, string problem, string remedy) =>
        AssertOnly(Given.GoodFlagsBut(timeouts: [timeout]), "--timeout", timeout, problem, remedy);

    [Theory]
    [InlineData("30")]
    [InlineData("")]
    [InlineData("never")]
    [InlineData("721h")]
    public void An_invalid_drain_time(string time) =>
        AssertOnly(Given.GoodFlagsBut(drain: time),
            "--drain", time, "is not a drain time", "0s to 720h, written as 500ms, 30s, 10m or 2h");

    [Fact]
    public void A_timeout_given_twice() =>
        AssertOnly(Given.GoodFlagsBut(timeouts: ["udp=1m", "udp=2m"]), "--timeout", "udp=2m", "is given twice", "one of them");

    [Fact]
    public void Timeouts_of_a_file_are_explained_with_their_lines()
    {
        var faults = Given.Yaml("""
            interface: eth0
            flows: many
            timeouts: { opning: 31s, udp: 60, ended: [ 10s ] }
            services: [ { listen: ":80" } ]
            """).Errors;

        Assert.Equal(
            [
                "lb.yaml:2:8 flows: 'many' is not a valid number of flows. "
                    + "Use a whole number of 1024 to 16777216.",
                "lb.yaml:3:13 timeouts: 'opning' is not a known key. Perhaps 'opening' is meant.",
                "lb.yaml:3:31 timeouts.udp: '60' is not an idle timeout. "
                    + "Use 100ms to 720h, written as 500ms, 31s, 135m or 2h.",
                "lb.yaml:3:42 timeouts.ended: '[...]' is not a single value. "
                    + "Write one value after 'ended:', in quotes where it begins with a bracket.",
            ],
            faults.Select(fault => fault.ToString()));
    }

    [Theory]
    [InlineData(":0", "has no valid port", "1 to 65535")]
    [InlineData(":65536", "has no valid port", "1 to 65535")]
    [InlineData(":", "has no valid port", "1 to 65535")]
    [InlineData(":+80", "has no valid port", "1 to 65535")]
    [InlineData("self", "has no port", ":80")]
    [InlineData("https://10.0.0.5:443", "is a URL", "10.0.0.5:53/udp")]
    [InlineData("80", "has no port", ":80")]
    [InlineData(":80/sctp", "names the unknown protocol 'sctp'", "/tcp or /udp")]
    [InlineData(":80/", "names the unknown protocol ''", "/tcp or /udp")]
    [InlineData("web.lab:80", "has a host name instead of an address", "'self'")]
    [InlineData("010.0.0.5:80", "has a host name instead of an address", "'self'")]
    [InlineData("[10.0.0.5]:80", "has a host name instead of an address", "'self'")]
    [InlineData("0.0.0.0:80", "no packet can be sent to", "'self'")]
    [InlineData("fd00::5", "has no port", "[2001:db8::1]:80")]
    [InlineData("[fd00::5]", "has no port", "[2001:db8::1]:80")]
    [InlineData("[fd00::5]:0", "has no valid port", "1 to 65535")]
    [InlineData("[fd00::5]:80:90", "has no valid port", "1 to 65535")]
    [InlineData("[fd00::x]:80", "is not an IPv6 address", "[2001:db8::1]:80")]
    [InlineData("[::]:80", "no packet can be sent to", "'self'")]
    [InlineData("[::1]:80", "no packet can be sent to", "'self'")]
    [InlineData("[ff02::1]:80", "no packet can be sent to", "'self'")]
    [InlineData("[fe80::5]:80", "is a link-local address", "global or unique local")]
    [InlineData("[fe80::5%eth0]:80", "has a zone index", "without '%'")]
    [InlineData("[::ffff:10.0.0.5]:80", "is an IPv4 address in IPv6 notation", "Write it as 10.0.0.5")]
    public void An_endpoint_that_cannot_be_listened_on(string listen, string problem, string remedy) =>
        AssertOnly(Given.GoodFlagsBut(listen: listen), "--listen", listen, problem, remedy);

    [Theory]
    [InlineData("172.20.0.2:0", "has no valid port", "1 to 65535")]
    [InlineData("172.20.0.2:65536", "has no valid port", "1 to 65535")]
    [InlineData("172.20.0.2:http", "has no valid port", "1 to 65535")]
    [InlineData("", "has no host", "host name")]
    [InlineData(":80", "has no host", "host name")]
    [InlineData("172.20.0.256", "is not an IPv4 address", "0 to 255")]
    [InlineData("172.20.2", "is not an IPv4 address", "0 to 255")]
    [InlineData("172.20.0.02", "is not an IPv4 address", "0 to 255")]
    [InlineData("127.0.0.1", "no packet can be sent to", "unicast")]
    [InlineData("224.0.0.1", "no packet can be sent to", "unicast")]
    [InlineData("-web", "is not a host name", "labels")]
    [InlineData("web..lab", "is not a host name", "labels")]
    [InlineData("web/lab", "is not a host name", "labels")]
    [InlineData("wéb", "is not a host name", "labels")]
    [InlineData("[web]:80", "is not a host name", "labels")]
    [InlineData("web:80:90", "is not an IPv6 address", "[2001:db8::1]:80")]
    [InlineData("[fd00::2", "is not an IPv6 address", "[2001:db8::1]:80")]
    [InlineData("[fd00::2]80", "is not an IPv6 address", "[2001:db8::1]:80")]
    [InlineData("[fd00::2]:http", "has no valid port", "1 to 65535")]
    [InlineData("fd00::2/64", "is not an IPv6 address", "2001:db8::1")]
    [InlineData("fd00::2%eth0", "has a zone index", "without '%'")]
    [InlineData("fe80::2", "is a link-local address", "global or unique local")]
    [InlineData("febf::2", "is a link-local address", "global or unique local")]
    [InlineData("::ffff:a00:5", "is an IPv4 address in IPv6 notation", "Write it as 10.0.0.5")]
    [InlineData("::10.0.0.5", "no packet can be sent to", "unicast")]
    [InlineData("::1", "no packet can be sent to", "unicast")]
    [InlineData("ff0e::1", "no packet can be sent to", "unicast")]
    public void A_backend_that_cannot_be_reached(string backend, string problem, string remedy) =>
        AssertOnly(Given.GoodFlagsBut(backend: backend), "--backend", backend, problem, remedy);

    [Theory]
    [InlineData("web")]
    [InlineData("lab_backend-a_1")]
    [InlineData("web.lab.")]
    [InlineData("4web:8080")]
    public void Host_names_of_container_networks_are_fine(string backend) =>
        Assert.Empty(Given.GoodFlagsBut(backend: backend).Errors);

    [Theory]
    [InlineData("2001:db8::2")]
    [InlineData("[2001:DB8:0:0::2]:8080")]
    [InlineData("fd00::2")]
    [InlineData("64:ff9b::10.0.0.5")]
    public void Global_and_unique_local_addresses_are_fine(string backend) =>
        Assert.Empty(Given.GoodFlagsBut(backend: backend).Errors);

    [Theory]
    [InlineData("10.0.0.5:80", new[] { "fd00::2" }, "is an IPv4 address, and all the backends have IPv6", "IPv4 backends")]
    [InlineData("[fd00::5]:80", new[] { "172.20.0.2", "172.20.0.3" },
        "is an IPv6 address, and all the backends have IPv4", "IPv6 backends")]
    public void Backends_that_are_all_of_the_other_family(string listen, string[] backends, string problem, string remedy) =>
        AssertOnly(Given.Flags("eth0", listens: [listen], backends: backends), "--listen", listen, problem, remedy);

    [Theory]
    [InlineData("10.0.0.5:80", new[] { "fd00::2", "172.20.0.2" })]
    [InlineData("10.0.0.5:80", new[] { "fd00::2", "web" })]
    [InlineData("self:80", new[] { "fd00::2" })]
    public void Backends_of_which_some_may_be_of_the_same_family_are_fine(string listen, string[] backends) =>
        Assert.Empty(Given.Flags("eth0", listens: [listen], backends: backends).Errors);

    [Theory]
    [InlineData("101")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("heavy")]
    public void A_weight_out_of_range(string weight) =>
        AssertOnly(Given.Yaml($$"""
            interface: eth0
            services:
              - listen: :80
                backends: [ { address: b, weight: {{weight}} } ]
            """), "lb.yaml:4:39 services[0].backends[0].weight", weight, "is not a weight", "0 to 100");

    [Fact]
    public void An_unknown_mode() =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["b"], mode: "tunnels"),
            "--mode", "tunnels", "is not a valid mode", "nat, dsr, tunnel");

    [Fact]
    public void An_unknown_encapsulation() =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["b"], mode: "tunnel", encapsulation: "gre"),
            "--encapsulation", "gre", "is not a valid encapsulation", "gue, ipip");

    [Theory, InlineData("nat"), InlineData("dsr")]
    public void An_encapsulation_in_a_mode_that_has_none(string mode) =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["b"], mode: mode, encapsulation: "gue"),
            "--encapsulation", "gue", $"has no effect in mode {mode}", "Use mode tunnel");

    [Theory, InlineData("nat"), InlineData("dsr")]
    public void A_check_through_the_tunnel_in_a_mode_that_has_none(string mode) =>
        AssertOnly(Given.Flags("eth0", listens: ["192.0.2.10:80"], backends: ["b"], mode: mode, health: ["tcp", "tunnel=true"]),
            "--health tunnel", "true", $"has no effect in mode {mode}", "Use mode tunnel");

    [Fact]
    public void A_check_through_the_tunnel_without_an_address_of_the_service() =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["b"], mode: "tunnel", health: ["tcp", "tunnel=true"]),
            "--health tunnel", "true", "needs the service's address", "Listen on an address");

    [Theory]
    [InlineData("eth0", "is no source of packets to backends", "Use service, interface, or an address")]
    [InlineData("127.0.0.1", "is an address that no packet can be sent to from here (unspecified, loopback, multicast or reserved)", "Use an address of this host")]
    [InlineData("fe80::1", "is a link-local address, which names a host on one link only", "Use an address of this host")]
    public void A_nat_source_that_is_none(string source, string problem, string remedy) =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["b"], natSources: [source]), "--nat-source", source, problem, remedy);

    [Fact]
    public void Several_values_in_one() =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["b"], natSources: ["192.0.2.11, 2001:db8::11"]),
            "--nat-source", "192.0.2.11, 2001:db8::11", "is several values in one", "Write a list in a file, or give the flag once for each");

    [Fact]
    public void An_empty_list_of_a_setting_that_has_a_default() =>
        AssertOnly(Given.Yaml("interface: eth0\nservices:\n- listen: ':80'\n  nat-source: []"),
            "lb.yaml:4:15 services[0].nat-source", "[]", "is an empty list", "Name at least one value, or remove the key: the default is service");

    [Theory, InlineData("dsr"), InlineData("tunnel")]
    public void A_nat_source_in_a_mode_that_has_none(string mode) =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["b"], mode: mode, natSources: ["interface"]),
            "--nat-source", "interface", $"has no effect in mode {mode}", "Use mode nat");

    [Theory]
    [InlineData("interface", "192.0.2.11", "interface", "stands alone, and is one of several sources", "Use the word, or addresses")]
    [InlineData("192.0.2.11", "service", "service", "stands alone, and is one of several sources", "Use the word, or addresses")]
    [InlineData("192.0.2.11", "192.0.2.12", "192.0.2.12", "is the second address of its IP version", "Give one address of each IP version")]
    public void Nat_sources_that_do_not_go_together(string one, string other, string wrong, string problem, string remedy) =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["b"], natSources: [one, other]), "--nat-source", wrong, problem, remedy);

    [Theory]
    [InlineData("10.0.0.5:80", "172.20.0.2", "2001:db8::11")]
    [InlineData("[2001:db8::5]:80", "2001:db8::2", "192.0.2.11")]
    public void A_nat_source_of_another_family_than_the_service(string listen, string backend, string source) =>
        AssertOnly(Given.Flags("eth0", listens: [listen], backends: [backend], natSources: [source]),
            "--nat-source", source, "is of another IP version than the service's address", "Give an address");

    /// <summary>A tunnel carries packets of either.</summary>
    [Theory, InlineData("10.0.0.5:80", "fd00::2"), InlineData("[fd00::5]:80", "172.20.0.2")]
    public void Backends_of_the_other_family_in_mode_tunnel_are_fine(string listen, string backend) =>
        Assert.Empty(Given.Flags("eth0", listens: [listen], backends: [backend], mode: "tunnel").Errors);

    [Theory]
    [InlineData(":80", "172.20.0.2:8080", "dsr")]
    [InlineData(":80", "web:81", "dsr")]
    [InlineData(":*", "172.20.0.2:80", "dsr")]
    [InlineData(":80", "172.20.0.2:8080", "tunnel")]
    public void Another_port_at_the_backend_in_a_mode_that_changes_none(string listen, string backend, string mode) =>
        AssertOnly(Given.Flags("eth0", listens: [listen], backends: [backend], mode: mode),
            "--backend", backend, $"has another port than the service, and mode {mode} changes no port", "Leave the port out");

    [Theory]
    [InlineData(":80", "172.20.0.2")]
    [InlineData(":80", "172.20.0.2:80")]
    [InlineData(":*", "172.20.0.2")]
    public void The_same_port_at_the_backend_in_mode_dsr_is_fine(string listen, string backend) =>
        Assert.Empty(Given.Flags("eth0", listens: [listen], backends: [backend], mode: "dsr").Errors);

    [Fact]
    public void An_unknown_algorithm() =>
        AssertOnly(Given.Yaml("""
            interface: eth0
            services:
              - listen: :80
                algorithm: magic
            """), "lb.yaml:4:16 services[0].algorithm", "magic", "is not a valid algorithm", "round-robin");

    [Theory]
    [InlineData("two words")]
    [InlineData("wéb")]
    public void A_service_name_that_would_not_print_as_one_word(string name) =>
        AssertOnly(Given.Yaml($$"""
            interface: eth0
            services: [ { name: {{name}}, listen: ":80" } ]
            """), "lb.yaml:2:21 services[0].name", name, "is not a service name", "letters, digits");

    [Fact]
    public void Two_services_of_one_name() =>
        AssertOnly(Given.Yaml("""
            interface: eth0
            services:
              - { name: web, listen: ":80" }
              - { name: web, listen: ":81" }
            """), "lb.yaml:4:13 services[1].name", "web", "is the name of two services", "a name of its own");

    [Fact]
    public void Two_services_on_one_endpoint() =>
        AssertOnly(Given.Flags("eth0", listens: [":80", "self:80/tcp"], backends: ["b"]),
            "--listen", "self:80/tcp", "is the endpoint self:80/tcp, which another service has already", "of its own");

    [Fact]
    public void A_backend_named_twice_even_where_the_port_is_only_implied() =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["Web", "web:80"]),
            "--backend", "web:80", "is configured twice in this service", "weight of 2");

    [Fact]
    public void A_backend_named_twice_even_where_its_address_is_written_in_two_ways() =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["fd00::2", "[FD00:0::2]:80"]),
            "--backend", "[FD00:0::2]:80", "is configured twice in this service", "weight of 2");

    [Fact]
    public void The_same_port_for_tcp_and_udp_is_no_fault() =>
        Assert.Empty(Given.Flags("eth0", listens: [":53/tcp", ":53/udp"], backends: ["b"]).Errors);

    [Fact]
    public void A_backend_of_several_services_is_reported_once() =>
        AssertOnly(Given.Flags("eth0", listens: [":80", ":81"], backends: ["b:0"]),
            "--backend", "b:0", "has no valid port", "1 to 65535");

    [Fact]
    public void More_services_than_the_kernels_tables_hold() =>
        AssertOnly(
            Given.Flags("eth0", listens: [.. Enumerable.Range(1, 16385).Select(port => $":{port}")], backends: ["b"]),
            "services", "16385", "are too many services", "at most 16384, or raise max-services");

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("bell\a")]
    public void A_network_that_no_engine_has(string network) =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], docker: network),
            "--docker", network, "is not a network name", "docker network ls");

    [Theory]
    [InlineData("x")]
    [InlineData("/var/run/docker.sock")]
    [InlineData("unix://docker.sock")]
    [InlineData("tcp://10.0.0.1:2375")]
    [InlineData("unix:///a-path-of-more-than-one-hundred-and-seven-bytes-which-is-all-that-the-kernel-has-room-for-in-a-sockets-address")]
    public void A_socket_that_is_none_of_an_engine(string socket) =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], docker: "lab", dockerSocket: socket),
            "--docker-socket", socket, "is not a socket of a container engine", "unix:///var/run/docker.sock");

    [Fact]
    public void A_socket_without_a_network() =>
        AssertOnly(Given.Flags("eth0", listens: [":80"], backends: ["b"], dockerSocket: "unix:///run/docker.sock"),
            "--docker-socket", "unix:///run/docker.sock", "has no effect without a network", "--docker NETWORK");

    [Fact]
    public void Containers_of_no_network() =>
        AssertOnly(Given.Yaml("""
            interface: eth0
            services: [ { listen: ":80" } ]
            docker: { socket: "unix:///run/docker.sock" }
            """), "lb.yaml:3:9 docker.network", null, "the network is missing", "Add 'network: ...'");

    [Fact]
    public void Flags_that_are_missing()
    {
        var faults = Given.Flags().Errors;

        Assert.Equal(["--interface", "--listen", "--backend"], faults.Select(fault => fault.Location.Text));
        Assert.All(faults, fault => Assert.Contains($"Add '{fault.Location} ", fault.Remedy, StringComparison.Ordinal));
    }

    [Fact]
    public void All_faults_of_a_file_at_once_in_its_order()
    {
        var faults = Given.Yaml("""
            interfase: eth0
            hook: xdp
            services:
              - name: web
                listen: ":99999"
                backends: [ "b:0", { address: c, weight: 200 } ]
            """).Errors;

        Assert.Equal(
            [
                "lb.yaml:1:1: 'interfase' is not a known key. Perhaps 'interface' is meant.",
                "lb.yaml:1:1 interface: the interface is missing. Add 'interface: ...'.",
                "lb.yaml:2:7 hook: 'xdp' is not a valid hook. Use one of: auto, tc, xdp-native, xdp-generic.",
                "lb.yaml:5:13 services[0].listen: ':99999' has no valid port. Use a port of 1 to 65535.",
                "lb.yaml:6:17 services[0].backends[0]: 'b:0' has no valid port. Use a port of 1 to 65535.",
                "lb.yaml:6:46 services[0].backends[1].weight: '200' is not a weight. "
                    + "Use a whole number of 0 to 100; 0 takes no new flow.",
            ],
            faults.Select(fault => fault.ToString()));
    }

    [Fact]
    public void A_value_cannot_break_out_of_its_line()
    {
        var value = "a\nerror: \u001b[31m\u202e" + new string('x', 500);

        var shown = new ConfigurationError("--backend", value, "is odd", "Do not").ToString();

        Assert.StartsWith("--backend: 'a\\u000aerror: \\u001b[31m\\u202exx", shown, StringComparison.Ordinal);
        Assert.EndsWith("...' is odd. Do not.", shown, StringComparison.Ordinal);
        Assert.InRange(shown.Length, 80, 130);
    }

    static string WithSockets(string written) =>
        $"interface: eth0\nsockets: {written}\nservices: [ {{ listen: ':80', backends: [ web ] }} ]";

    static void AssertOnly(ConfigurationResult reading, string place, string? value, string problem, string remedy)
    {
        Assert.Null(reading.Configuration);
        var fault = Assert.Single(reading.Errors);
        Assert.Equal((place, value), (fault.Location.Text, fault.Value));
        Assert.Contains(problem, fault.Problem, StringComparison.Ordinal);
        Assert.Contains(remedy, fault.Remedy, StringComparison.Ordinal);
    }
}
