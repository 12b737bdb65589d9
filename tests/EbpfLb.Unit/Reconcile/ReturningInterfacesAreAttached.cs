using System.Net;
using EbpfLb.Datapath;
using EbpfLb.Flows;
using EbpfLb.Hosting;
using EbpfLb.Status;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EbpfLb.Unit.Reconcile;

/// <summary>An interface is known by its index while it exists, and found again by what named it.</summary>
[Collection(Lanes.Patient)]
public sealed class ReturningInterfacesAreAttached : IDisposable
{
    const int MetricsPort = 9464;

    readonly string _file = Path.GetTempFileName();
    readonly Machine _machine;

    public ReturningInterfacesAreAttached()
    {
        Capabilities.RequireDatapath();
        _machine = new();
    }

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData(Machine.Interface, "tc")]
    [InlineData(Machine.Interface, "xdp-generic")]
    [InlineData("10.9.0.0/24", "tc")]
    public async Task With_the_tables_that_it_had(string selector, string hook)
    {
        using var runner = Start(selector, hook);
        await runner.UntilAsync("ready: ");
        var before = _machine.Inside(() => (Machine.Attached(), Machine.Self().AttachedNs));

        _machine.Unplug(Machine.Interface);
        await runner.UntilAsync($"interface {Machine.Interface} is gone: no traffic is balanced");
        _machine.Plug();
        await runner.UntilAsync($"interface {Machine.Interface} is back and attached");

        var after = _machine.Inside(() => (Machine.Attached(), Machine.Self().AttachedNs));
        Assert.Equal(before.AttachedNs, after.AttachedNs);
        Assert.Equal(before.Item1.Select(link => (link.Name, link.Program)), after.Item1.Select(link => (link.Name, link.Program)));
        Assert.All(after.Item1, link => Assert.Equal(IndexOf(Machine.Interface), link.Ifindex));
        Assert.Equal($"{Machine.Interface}; gone: ", Interfaces());
        Assert.Equal((0, "", ""), _machine.Type("status --check"));
    }

    [Fact]
    public async Task Found_by_the_default_route_also_under_another_name()
    {
        _machine.Configure("route add default via 10.9.0.254");
        using var runner = Start("default", "tc");
        await runner.UntilAsync($"on {Machine.Interface} ");

        _machine.Unplug(Machine.Interface);
        await runner.UntilAsync($"interface {Machine.Interface} is gone");
        _machine.PlugVeth("eth9", "10.9.4.1/24");
        _machine.Configure("route add default via 10.9.4.254");
        await runner.UntilAsync("interface eth9 is back and attached");

        Assert.Equal("eth9; gone: ", Interfaces());
        Assert.Equal(["link_tc_eth9"], _machine.Inside(() => Machine.Links()));
        await Eventually.That("it listens on the new address", () => _machine.Inside(Listened), listened => listened == "10.9.4.1:80/tcp");
    }

    [Fact]
    public async Task Found_by_its_former_address_under_another_name()
    {
        using var runner = Start(Machine.Interface, "tc");
        await runner.UntilAsync("ready: ");

        _machine.Unplug(Machine.Interface);
        await runner.UntilAsync($"interface {Machine.Interface} is gone");
        _machine.PlugVeth("eth9", "10.9.0.1/24");
        await runner.UntilAsync("interface eth9 is back and attached");

        Assert.Equal("eth9; gone: ", Interfaces());
    }

    /// <summary>Docker does so before it moves the interface to its own network namespace.</summary>
    [Fact]
    public async Task A_rename_just_before_the_interface_leaves_is_not_logged()
    {
        using var runner = Start(Machine.Interface, "tc");
        await runner.UntilAsync("ready: ");

        _machine.Configure($"link set {Machine.Interface} name veth99", "address add 10.9.0.9/24 dev veth99", "link delete veth99");
        await runner.UntilAsync($"interface {Machine.Interface} is gone: no traffic is balanced");

        Assert.Equal($"error: interface {Machine.Interface} is gone: no traffic is balanced\n", _machine.Type("status --check").Error);
    }

    [Fact]
    public async Task An_interface_that_is_set_down_is_reported_until_it_is_up_again()
    {
        using var runner = Start(Machine.Interface, "tc");
        await runner.UntilAsync("ready: ");
        Assert.Equal((0, "", ""), _machine.Type("status --check"));

        _machine.Configure($"link set {Machine.Interface} down");
        await runner.UntilAsync($"interface {Machine.Interface} is down: no traffic is balanced there.");
        Assert.Equal((1, "", $"error: interface {Machine.Interface} is down: no traffic is balanced there. Run `ip link set {Machine.Interface} up`.\n"),
            _machine.Type("status --check"));
        Assert.Equal(1, _machine.Type("healthy").Code);

        _machine.Configure($"link set {Machine.Interface} up");
        await runner.UntilAsync($"interface {Machine.Interface} is up again");
        Assert.Equal((0, "", ""), _machine.Type("status --check"));
    }

    [Fact]
    public async Task A_start_adopts_an_instance_under_another_name()
    {
        using (var runner = Start(Machine.Interface, "tc"))
        {
            await runner.UntilAsync("ready: ");
        }
        _machine.Rename(Machine.Interface, "eth9");

        using var next = Start("eth9", "tc");
        await next.UntilAsync("adopted with 0 flows");

        Assert.Equal(["link_tc_eth9"], _machine.Inside(() => Machine.Links()));
        Assert.Equal((0, "", ""), _machine.Type("status --check"));
    }

    /// <summary>Evicted flows stay in the counters until a collection corrects them.</summary>
    [Fact]
    public async Task A_start_counts_the_flows_that_are_there()
    {
        using (var runner = Start(Machine.Interface, "tc"))
        {
            await runner.UntilAsync("ready: ");
        }
        _machine.Inside(() =>
        {
            using var tables = LbTables.OpenPins(Machine.Pins);
            tables.ActiveFlows.Set(1, 5);
        });

        using var next = Start(Machine.Interface, "tc");

        await next.UntilAsync("adopted with 0 flows");
    }

    [Fact]
    public async Task A_renamed_interface_stays_attached()
    {
        using var runner = Start(Machine.Interface, "xdp-generic");
        await runner.UntilAsync("ready: ");
        var before = _machine.Inside(() => Machine.Attached().Select(link => link.Id).ToArray());

        _machine.Configure(
            $"link set {Machine.Interface} name eth9", $"address add 10.9.5.1/24 dev eth9");
        await runner.UntilAsync($"interface {Machine.Interface} is now eth9; balancing continues");

        Assert.Equal(["link_tc_eth9", "link_xdp-generic_eth9"], _machine.Inside(() => Machine.Links()));
        Assert.Equal(before, _machine.Inside(() => Machine.Attached().Select(link => link.Id).ToArray()));
        Assert.Equal("eth9; gone: ", Interfaces());
        Assert.Equal((0, "", ""), _machine.Type("status --check"));
        Assert.DoesNotContain(await runner.EndAsync(), line => line.Contains("failed", StringComparison.Ordinal));
        Assert.Empty(_machine.Inside(Instance.All));
    }

    [Fact]
    public async Task While_there_is_none_health_and_status_say_so()
    {
        using var runner = Start(Machine.Interface, "tc", $"metrics: {MetricsPort}");
        await runner.UntilAsync("ready: ");
        Assert.Equal(HttpStatusCode.OK, await HealthAsync());

        _machine.Unplug(Machine.Interface);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, await HealthAsync());
        Assert.Contains($"ebpf_lb_interface_up{{interface=\"{Machine.Interface}\"}} 0\n", await GetAsync("/metrics"), StringComparison.Ordinal);
        Assert.Equal((1, "", $"error: interface {Machine.Interface} is gone: no traffic is balanced\n"), _machine.Type("status --check"));

        _machine.Plug();
        await runner.UntilAsync("is back and attached");
        Assert.Equal(HttpStatusCode.OK, await HealthAsync());
        Assert.Contains($"ebpf_lb_interface_up{{interface=\"{Machine.Interface}\"}} 1\n", await GetAsync("/metrics"), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_any_interface_the_process_ends_after_a_time()
    {
        var time = new FakeTimeProvider();
        using var attached = _machine.Inside(() => Machine.Start(Machine.Defaults));
        using var interfaces = _machine.Inside(() => new BalancedInterfaces(
            Machine.Defaults, time, NullLogger<BalancedInterfaces>.Instance));
        time.Advance(TimeSpan.FromHours(1));
        _machine.Inside(() => interfaces.Update(attached));
        _machine.Unplug(Machine.Interface);
        _machine.Inside(() => interfaces.Update(attached));
        time.Advance(Machine.Defaults.InterfaceTimeout - TimeSpan.FromSeconds(1));
        _machine.Inside(interfaces.RejectAbsence);

        time.Advance(TimeSpan.FromSeconds(1));

        var error = Assert.Throws<LoadBalancerException>(() => _machine.Inside(interfaces.RejectAbsence));
        Assert.StartsWith($"no interface ({Machine.Interface}) has existed for 30s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_process_ends_with_exit_code_1_after_the_configured_time()
    {
        using var runner = Start(Machine.Interface, "tc", timeout: "1s");
        await runner.UntilAsync("ready: ");

        _machine.Unplug(Machine.Interface);
        await runner.UntilAsync("error: no interface (eth0.7) has existed for 1s: no traffic is balanced");

        Assert.Equal(1, await runner.ExitCodeAsync());
    }

    [Fact]
    public void Status_check_fails_if_nothing_is_attached_or_no_process_runs()
    {
        Assert.Equal((1, "", $"error: {StatusSnapshot.NothingAttached}\n"), _machine.Type("status --check"));
        _machine.Inside(() => Machine.Start(Machine.Defaults).Dispose());

        var (code, output, error) = _machine.Type("status --check");

        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith($"error: no runner process on {Machine.Interface}: packets are still balanced", error, StringComparison.Ordinal);
    }

    RunnerProcess Start(string selector, string hook, string more = "", string timeout = "1h")
    {
        File.WriteAllText(_file,
            $"interface: {selector}\nhook: {hook}\ninterface-timeout: {timeout}\n{more}\nservices: [ {{ name: web, listen: ':80', backends: [ 10.9.3.1 ] }} ]\n");
        return new(_machine, "--config", _file);
    }

    string Interfaces()
    {
        var status = Assert.Single(_machine.Inside(() => StatusReader.Read(LiveFlows.ReadCounters)).Instances);
        return $"{string.Join(' ', status.Interfaces)}; gone: {string.Join(' ', status.Lost)}";
    }

    uint IndexOf(string name) => _machine.Inside(() => (uint)EbpfLb.Networking.NetworkDevice.Find(name).Index);

    async Task<HttpStatusCode> HealthAsync()
    {
        using var http = _machine.Http(MetricsPort);
        using var answer = await http.GetAsync("/healthz", TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }

    async Task<string> GetAsync(string path)
    {
        using var http = _machine.Http(MetricsPort);
        return await http.GetStringAsync(path, TestContext.Current.CancellationToken);
    }

    static string Listened()
    {
        using var tables = LbTables.OpenPins(Machine.Pins);
        return string.Join(", ", EbpfLb.Reconcile.KernelState.Read(tables).Keys.Keys.Select(key => $"{key}").Order());
    }
}
