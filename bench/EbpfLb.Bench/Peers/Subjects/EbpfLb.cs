using System.Globalization;
using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers.Subjects;

/// <summary>Ours, on one hook and in one mode.</summary>
sealed class EbpfLb(LabNetwork network, string name, string hook, string mode) : Subject(name)
{
    const string Place = "ebpf-lb";

    /// <summary>How many flows there is room for; its default.</summary>
    const int Room = 65536;

    readonly BalancerHost _host = new(network, $"{Place}-{hook}-{mode}");
    Balancer? _balancer;

    public override IReadOnlyList<Role> Targets => [_host];

    public override string Configuration => $"hook {hook}, mode {mode}; all else as it comes";

    public override IEnumerable<Addresses> Shared => mode == "dsr" ? [_host.Addresses] : [];

    public override Task StartAsync() => _host.StartAsync();

    public override Task BalanceAsync(Server one, Server other)
    {
        var plan = new BalancerPlan(
            Service.Web(one, other) with { Mode = mode },
            Service.Dns(one, other) with { Mode = mode },
            new Service("bulk", Server.Bulk, "tcp", [one.Name]) { Mode = mode })
        {
            Flows = Room,
        };
        _balancer = new Balancer(network, _host, $"{Place}-{hook}-{mode}-runner", hook, plan);
        return _balancer.BecomeReadyAsync();
    }

    /// <summary>As much of the table of flows, which is allocated whole at the start, as there is for so many.</summary>
    public override async Task<double?> BytesForAsync(int connections)
    {
        var whole = await _host.ShellAsync(
            "bpftool --json map show pinned \"$(find /sys/fs/bpf -name flows)\" | jq .bytes_memlock");
        return double.Parse(whole, CultureInfo.InvariantCulture) / Room * connections;
    }

    public override async ValueTask DisposeAsync()
    {
        if (_balancer is not null)
            await _balancer.DisposeAsync();
        await _host.DisposeAsync();
    }

    public override async Task<string?> VersionAsync() => (await _balancer!.CommandAsync("--version")).Stdout.Trim();
}
