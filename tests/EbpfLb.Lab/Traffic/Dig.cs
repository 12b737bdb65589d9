using System.Net.Sockets;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Traffic;

/// <summary>DNS with dig, from inside a client's container.</summary>
static class Dig
{
    /// <summary>Source ports, within the kernel's default range for clients: SNAT's substitute ports are outside of it.</summary>
    const int FirstPort = 33_000, Ports = 27_000;

    static int _queries;

    /// <summary>
    /// The names of the servers that answered over UDP, in order. Each query has a port of its own: two from one port are one
    /// flow, and have one server.
    /// </summary>
    public static Task<IReadOnlyList<string>> WhoOverUdpAsync(Client client, Role server, int times)
    {
        var any = server.Address.AddressFamily == AddressFamily.InterNetwork ? "0.0.0.0" : "::";
        var first = FirstPort + ((Interlocked.Add(ref _queries, times) - times) % Ports);
        return ReadAsync(client,
            """
            for port in $(seq "$1" "$2"); do
                dig +short +tries=1 +timeout=3 +notcp -b "$3#$port" "@$4" TXT "$5" || exit
            done
            """, first, first + times - 1, any, server.Address, NameServer.WhoAreYou);
    }

    /// <summary>The names of the servers that answered over TCP, in order.</summary>
    public static Task<IReadOnlyList<string>> WhoOverTcpAsync(Client client, Role server, int times) => ReadAsync(client,
        """
        for i in $(seq "$1"); do
            dig +short +tries=1 +timeout=3 +tcp "@$2" TXT "$3" || exit
        done
        """, times, server.Address, NameServer.WhoAreYou);

    static async Task<IReadOnlyList<string>> ReadAsync(Client client, string script, params object[] arguments)
    {
        var output = await client.ShellAsync(script, arguments);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim('"'))];
    }
}
