using EbpfLb.Reconcile;
using EbpfLb.Tables;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Reconcile;

/// <summary>A service may listen on an address of the host; a backend may not have one, on any interface.</summary>
[Collection(Lanes.Patient)]
public sealed class AddressesOfTheHostAreChecked : IDisposable
{
    readonly string _file = Path.GetTempFileName();
    readonly Machine _machine;

    public AddressesOfTheHostAreChecked()
    {
        Capabilities.RequireDatapath();
        _machine = new();
    }

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task A_start_succeeds_if_the_interface_has_a_services_address()
    {
        _machine.Configure($"address add 10.9.0.99/32 dev {Machine.Interface}"); // as keepalived adds it
        Configure("  - { name: web, listen: 'self:80', backends: [ 10.9.3.1 ] }", "  - { name: shop, listen: '10.9.0.99:80', backends: [ 10.9.3.2 ] }");

        using var runner = new RunnerProcess(_machine, "--config", _file);
        await runner.UntilAsync("ready: ");

        Assert.Equal(["shop 10.9.0.99:80/tcp", "web 10.9.0.1:80/tcp"], Endpoints());
    }

    /// <summary>The other address that comes with it says when the change has been seen.</summary>
    [Fact]
    public async Task A_service_keeps_its_address_while_that_comes_and_goes()
    {
        Configure("  - { name: web, listen: 'self:80', backends: [ 10.9.3.1 ] }", "  - { name: shop, listen: '10.9.0.99:80', backends: [ 10.9.3.2 ] }");
        using var runner = new RunnerProcess(_machine, "--config", _file);
        await runner.UntilAsync("ready: ");
        var away = Endpoints();

        _machine.Configure($"address add 10.9.0.99/32 dev {Machine.Interface}", $"address add 10.9.0.50/24 dev {Machine.Interface}");
        var here = await Eventually.That("both addresses are seen", Endpoints, seen => seen.Contains("web 10.9.0.50:80/tcp"), Text);
        _machine.Configure($"address del 10.9.0.99/32 dev {Machine.Interface}", $"address del 10.9.0.50/24 dev {Machine.Interface}");
        var gone = await Eventually.That("neither is seen", Endpoints, seen => !seen.Contains("web 10.9.0.50:80/tcp"), Text);

        Assert.Equal(["shop 10.9.0.99:80/tcp", "web 10.9.0.1:80/tcp"], away);
        Assert.Equal(["shop 10.9.0.99:80/tcp", "web 10.9.0.1:80/tcp", "web 10.9.0.50:80/tcp"], here);
        Assert.Equal(away, gone);

        static string Text(string[] endpoints) => string.Join(", ", endpoints);
    }

    [Fact]
    public async Task An_own_address_that_is_added_or_removed_is_logged_with_its_family()
    {
        Configure("  - { name: web, listen: 'self:80', backends: [ 10.9.3.1 ] }");
        using var runner = new RunnerProcess(_machine, "--config", _file);
        await runner.UntilAsync("ready: ");

        _machine.Configure($"address add 10.9.0.50/24 dev {Machine.Interface}");
        await runner.UntilAsync($"address 10.9.0.50 was added to {Machine.Interface}: services on 'self' listen there");
        _machine.Configure($"address del 10.9.0.50/24 dev {Machine.Interface}");
        await runner.UntilAsync(
            $"warning: address 10.9.0.50 was removed from {Machine.Interface}: services on 'self' no longer listen there. `ip address add` brings it back.");
        _machine.Configure($"address add fd00:9::1/64 dev {Machine.Interface} nodad");
        await runner.UntilAsync("warning: service 'web' listens on [fd00:9::1]:80/tcp, and all its backends have IPv4 addresses: IPv6 clients are refused.");
    }

    [Fact]
    public async Task A_services_own_address_that_moves_is_not_logged()
    {
        Configure("  - { name: web, listen: 'self:80', backends: [ 10.9.3.1 ] }", "  - { name: shop, listen: '10.9.0.99:80', backends: [ 10.9.3.2 ] }");
        using var runner = new RunnerProcess(_machine, "--config", _file);
        await runner.UntilAsync("ready: ");

        _machine.Configure($"address add 10.9.0.99/32 dev {Machine.Interface}", $"address add 10.9.0.50/24 dev {Machine.Interface}");
        var told = await runner.UntilAsync("address 10.9.0.50 was added");

        Assert.DoesNotContain(told, line => line.Contains("address 10.9.0.99", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_nat_source_that_the_host_does_not_have_is_logged()
    {
        Configure("  - { name: web, listen: ':80', nat-source: [ 10.9.0.1, 'fd00:9::11' ], backends: [ 10.9.3.1 ] }",
            "  - { name: shop, listen: ':81', nat-source: 10.9.0.98, backends: [ 10.9.3.1 ] }");
        using var runner = new RunnerProcess(_machine, "--config", _file);

        var told = await runner.UntilAsync("warning: nat-source 10.9.0.98 of service 'shop' is no address of this host: "
            + "replies are lost unless the network routes them here. `ip address add 10.9.0.98 dev INTERFACE` makes it one.");

        Assert.DoesNotContain(told, line => line.Contains("nat-source 10.9.0.1 ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_backend_on_an_interface_that_is_not_attached_is_refused_with_a_sentence()
    {
        Configure("  - { listen: ':80', backends: [ 10.9.1.1 ] }");

        var (code, _, error) = _machine.Type($"run --config {_file}");

        Assert.Equal(1, code);
        Assert.StartsWith(
            $"error: backend '10.9.1.1' of service 'tcp-80' is 10.9.1.1, the balancer's own address on {Machine.OtherInterface}.",
            error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backends_address_that_the_host_gets_later_is_reported()
    {
        Configure("  - { listen: ':80', backends: [ 10.9.3.1 ] }");
        using var runner = new RunnerProcess(_machine, "--config", _file);
        await runner.UntilAsync("ready: ");

        _machine.Configure($"address add 10.9.3.1/32 dev {Machine.OtherInterface}");
        await runner.UntilAsync(
            $"reconcile failed: backend '10.9.3.1' of service 'tcp-80' is 10.9.3.1, the balancer's own address on {Machine.OtherInterface}.");
        _machine.Configure($"address del 10.9.3.1/32 dev {Machine.OtherInterface}");

        await runner.UntilAsync("reconcile succeeds again");
    }

    string[] Endpoints()
    {
        using var tables = _machine.Inside(() => LbTables.OpenPins(Machine.Pins));
        var state = KernelState.Read(tables);
        return [.. state.Keys.Select(entry => $"{state.Services[entry.Value.Id].Name} {entry.Key}").Order(StringComparer.Ordinal)];
    }

    void Configure(params string[] services) =>
        File.WriteAllLines(_file, [$"interface: {Machine.Interface}", "hook: tc", "services:", .. services]);
}
