using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers.Subjects;

/// <summary>Nobody: the client goes straight to both servers.</summary>
sealed class Direct() : Subject(Names.Direct)
{
    Role[] _servers = [];

    public override IReadOnlyList<Role> Targets => _servers;

    public override string Configuration => "no balancer: each of the client's threads asks one of the two servers";

    public override Task BalanceAsync(Server one, Server other)
    {
        _servers = [one, other];
        return Task.CompletedTask;
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
