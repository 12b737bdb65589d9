using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers.Subjects;

/// <summary>The kernel's own NAT, by nftables' rules.</summary>
sealed class Nftables(LabNetwork network, string image) : Subject(Names.Nftables)
{
    readonly Forwarder _forwarder = new(network, "nftables", image);

    public override IReadOnlyList<Role> Targets => [_forwarder];

    public override string Configuration => "dnat to numgen inc, masquerade; " + (_forwarder.HasFlowtable
        ? "with a flowtable"
        : "without a flowtable, which this kernel does not have");

    public override Task StartAsync() => _forwarder.StartAsync();

    public override Task BalanceAsync(Server one, Server other) => _forwarder.ForwardAsync(one, other);

    /// <summary>An entry for each in the kernel's connection tracking.</summary>
    public override async Task<double?> BytesForAsync(int connections) => connections * await _forwarder.EntrySizeAsync();

    public override ValueTask DisposeAsync() => _forwarder.DisposeAsync();

    public override async Task<string?> VersionAsync() => (await _forwarder.ShellAsync("nft --version")).Trim();
}
