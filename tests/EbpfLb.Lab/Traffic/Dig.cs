using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Traffic;

/// <summary>DNS with dig, from inside a client's container.</summary>
static class Dig
{
    /// <summary>The names of the servers that answered, in order.</summary>
    public static async Task<IReadOnlyList<string>> WhoAsync(Client client, Role server, int times, string transport)
    {
        var output = await client.ShellAsync(
            """
            for i in $(seq "$1"); do
                dig +short +tries=1 +timeout=3 "$2" "@$3" TXT "$4" || exit
            done
            """, times, transport, server.Address, NameServer.WhoAreYou);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim('"'))];
    }
}
