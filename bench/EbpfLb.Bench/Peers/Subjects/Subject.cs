using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers.Subjects;

/// <summary>What may stand between the client and the servers.</summary>
abstract class Subject(string name) : IAsyncDisposable
{
    /// <summary>As the report calls it.</summary>
    public string Name => name;

    /// <summary>Where the client asks for what both servers have: one of them or two.</summary>
    public abstract IReadOnlyList<Role> Targets { get; }

    /// <summary>Where the client sends bulk, which one server takes.</summary>
    public Role BulkTarget => Targets[0];

    /// <summary>Whether it carries UDP.</summary>
    public virtual bool CarriesUdp => true;

    /// <summary>What the report says of its configuration.</summary>
    public abstract string Configuration { get; }

    /// <summary>Which of its addresses the servers own as well.</summary>
    public virtual IEnumerable<Addresses> Shared => [];

    /// <summary>Starts what needs no server.</summary>
    public virtual Task StartAsync() => Task.CompletedTask;

    /// <summary>Begins to balance between servers that are there.</summary>
    public abstract Task BalanceAsync(Server one, Server other);

    /// <summary>The memory that it has for so many connections, which are held at this moment, in bytes; null for none at all.</summary>
    public virtual Task<double?> BytesForAsync(int connections) => Task.FromResult<double?>(null);

    /// <summary>Removes its containers.</summary>
    public abstract ValueTask DisposeAsync();

    /// <summary>Its version, as it tells that itself; null for one that has none.</summary>
    public virtual Task<string?> VersionAsync() => Task.FromResult<string?>(null);
}
