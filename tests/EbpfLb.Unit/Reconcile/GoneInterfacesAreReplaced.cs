using EbpfLb.Datapath;
using EbpfLb.Hosting;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;
using Microsoft.Extensions.Logging;

namespace EbpfLb.Unit.Reconcile;

/// <summary>
/// An engine that connects a container again may give it an interface of another name with another address. That takes
/// the place of the one that is gone, and no other does.
/// </summary>
[Collection(Lanes.Patient)]
public sealed class GoneInterfacesAreReplaced
{
    const string Other = "eth9";

    readonly Machine _machine;
    readonly Journal<BalancedInterfaces> _journal = new();

    public GoneInterfacesAreReplaced()
    {
        Capabilities.RequireDatapath();
        _machine = new();
    }

    [Fact]
    public void By_one_that_came_since_in_its_network()
    {
        using var balanced = Balance(Machine.Interface);

        _machine.Unplug(Machine.Interface);
        balanced.Pass();
        _machine.PlugVeth(Other, "10.9.0.77/24");
        balanced.Pass();

        Assert.Equal([Other], balanced.Names);
        Assert.Equal([$"link_tc_{Other}"], _machine.Inside(() => Machine.Links()));
        Assert.Equal((LogLevel.Warning, $"interface {Other} takes the place of {Machine.Interface}: it came since, and is in the same "
            + "network. A selector by address prefix finds an interface under any name."), _journal.Entries[^1]);
    }

    [Fact]
    public void Also_if_its_addresses_were_removed_first()
    {
        using var balanced = Balance(Machine.Interface);

        _machine.Configure($"address flush dev {Machine.Interface}");
        balanced.Pass();
        _machine.Unplug(Machine.Interface);
        _machine.PlugVeth(Other, "10.9.0.77/24");
        balanced.Pass();

        Assert.Equal([Other], balanced.Names);
    }

    [Theory]
    [InlineData(Machine.Interface, "10.9.4.1/24")]
    [InlineData(Machine.Interface, "10.9.0.77/25")]
    [InlineData("10.9.0.1/32", "10.9.0.77/24")]
    public void Not_by_one_of_another_network_nor_if_the_selector_is_no_name(string selector, string address)
    {
        using var balanced = Balance(selector);

        _machine.Unplug(Machine.Interface);
        _machine.PlugVeth(Other, address);
        balanced.Pass();

        Assert.Equal([Machine.Interface], balanced.Names);
    }

    [Fact]
    public void Not_by_one_that_existed_beside_it()
    {
        _machine.PlugVeth(Other, "10.9.0.77/24");
        using var balanced = Balance(Machine.Interface);

        _machine.Unplug(Machine.Interface);
        balanced.Pass();

        Assert.Equal([Machine.Interface], balanced.Names);
    }

    [Fact]
    public void Not_by_another_balanced_interface_that_comes_back_first()
    {
        _machine.PlugVeth(Other, "10.9.0.77/24");
        using var balanced = Balance(Machine.Interface, Other);

        _machine.Unplug(Other);
        balanced.Pass();
        _machine.Unplug(Machine.Interface);
        balanced.Pass();
        _machine.PlugVeth(Other, "10.9.0.78/24");
        balanced.Pass();
        _machine.Plug();
        balanced.Pass();

        Assert.Equal([Machine.Interface, Other], balanced.Names);
        Assert.Equal(
            [$"interface {Other} is back and attached", $"interface {Machine.Interface} is back and attached"],
            _journal.Entries.Select(entry => entry.Text).Where(text => text.EndsWith("attached", StringComparison.Ordinal)));
    }

    Balanced Balance(params string[] selectors)
    {
        var configuration = Machine.Defaults with { Interfaces = [.. selectors] };
        var balanced = new Balanced(_machine, _machine.Inside(() => Machine.Start(configuration)),
            _machine.Inside(() => new BalancedInterfaces(configuration, TimeProvider.System, _journal)));
        balanced.Pass();
        return balanced;
    }

    sealed class Balanced(Machine machine, AttachedDatapath attached, BalancedInterfaces interfaces) : IDisposable
    {
        public IReadOnlyList<string> Names => interfaces.Names;

        public void Pass() => machine.Inside(() => interfaces.Update(attached));

        public void Dispose()
        {
            interfaces.Dispose();
            attached.Dispose();
        }
    }
}
