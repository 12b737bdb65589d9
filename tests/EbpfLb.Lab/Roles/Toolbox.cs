namespace EbpfLb.Lab.Roles;

/// <summary>Tools, and the privileges to set up a machine's network with them, for a machine that has none.</summary>
sealed class Toolbox(LabNetwork network, string name, Role machine) : Role(
    network, name, network.Container(network.Engine.Images.Client, name)
        .WithCreateParameterModifier(container =>
        {
            Engine.Privileges.GrantToolsTo(container.HostConfig!);
            container.HostConfig!.NetworkMode = $"container:{machine.Id}";
        })
        .Build())
{
    /// <summary>Has the machine take packets for these addresses as well, though its neighbours know them elsewhere.</summary>
    public async Task OwnAsync(Addresses addresses)
    {
        foreach (var endpoint in addresses.At(0))
            await ShellAsync("ip address add \"$1\" dev lo", endpoint.Address);
    }

    /// <summary>Undoes <see cref="OwnAsync"/>.</summary>
    public async Task DisownAsync(Addresses addresses)
    {
        foreach (var endpoint in addresses.At(0))
            await ShellAsync("ip address del \"$1\" dev lo", endpoint.Address);
    }

    /// <summary>Has the machine send by a router whatever is for others than its neighbours.</summary>
    public async Task LeaveByAsync(Addresses router)
    {
        foreach (var endpoint in router.At(0))
            await ShellAsync("ip route replace default via \"$1\"", endpoint.Address);
    }

    private protected override Task<Addresses> FindAddressesAsync() => Task.FromResult(machine.Addresses);
}
