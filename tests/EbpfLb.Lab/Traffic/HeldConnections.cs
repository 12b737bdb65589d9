using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Traffic;

/// <summary>Several connections of one client, held at once.</summary>
public sealed class HeldConnections : IAsyncDisposable
{
    readonly List<(HeldConnection Connection, string Server)> _held = [];

    /// <summary>Opens one after the other, from neighbouring ports, and learns who is at their other end.</summary>
    public static async Task<HeldConnections> OpenAsync(Client client, Role server, int fromPort, int count)
    {
        var connections = new HeldConnections();
        foreach (var port in Enumerable.Range(fromPort, count))
        {
            var connection = await client.ConnectAsync(server, port);
            connections._held.Add((connection, (await connection.GetAsync("/held")).Server));
        }
        return connections;
    }

    /// <summary>Closes those that end at one server, and tells how many these were.</summary>
    public async Task<int> CloseThoseToAsync(Role server)
    {
        var those = _held.Where(held => held.Server == server.Name).ToList();
        foreach (var (connection, _) in those)
            await connection.DisposeAsync();
        _held.RemoveAll(those.Contains);
        return those.Count;
    }

    /// <summary>Closes all.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var (connection, _) in _held)
            await connection.DisposeAsync();
    }
}
