using System.Globalization;
using System.Net.Sockets;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Traffic;

/// <summary>Plain TCP and UDP with socat, from inside a client's container.</summary>
static class Socat
{
    /// <summary>Sends random bytes to a server of checksums.</summary>
    public static async Task<Upload> UploadAsync(Client client, Role server, int megabytes)
    {
        var output = await client.TryTransferAsync(megabytes,
            """
            file=$(mktemp)
            dd if=/dev/urandom of="$file" bs=1M count="$2" status=none && sha256sum <"$file"
            timeout "$3" socat -t "$3" - "TCP:$1:80,connect-timeout=5" <"$file"
            rm "$file"
            """, server.Host, megabytes);
        return output.Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries) is [var sent, var arrived]
            ? new Upload(sent, arrived)
            : throw new LabException($"{client.Name}: the upload got no answer: {output}");
    }

    /// <summary>How many datagrams of random bytes a server of echoes sent back as they were, each from a new port.</summary>
    public static async Task<int> EchoAsync(Client client, Role server, int times, int bytes)
    {
        var whole = await client.ShellAsync(
            """
            cd "$(mktemp --directory)"
            for i in $(seq "$2"); do
                head --bytes="$3" /dev/urandom >sent
                socat -b 65536 -t 3 - "UDP:$1,readbytes=$3" <sent >echoed || exit
                if cmp --silent sent echoed; then echo whole; fi
            done
            """, $"{server.Host}:{Service.EchoPort}", times, bytes);
        return whole.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
    }

    public static async Task<UdpProbe> ProbeUdpAsync(Client client, Role server, int port)
    {
        var (result, after) = await ProbeAsync(client, "UDP", server, port, "readbytes=1");
        return new UdpProbe(result, after);
    }

    /// <param name="hops">How far its packets may travel.</param>
    public static async Task<TcpProbe> ProbeFromAfarAsync(Client client, Role server, int port, int hops)
    {
        var option = server.Address.AddressFamily == AddressFamily.InterNetworkV6 ? "ipv6-unicast-hops" : "ttl";
        var (result, after) = await ProbeAsync(client, "TCP", server, port, $"connect-timeout=20,{option}={hops}");
        return new TcpProbe(result, after);
    }

    static async Task<(ProbeResult Result, TimeSpan After)> ProbeAsync(
        Client client, string protocol, Role server, int port, string options)
    {
        var output = await client.TryShellAsync(
            """
            began=$(date +%s%N)
            echo probe | socat -t 5 - "$1:$2:$3,$4"
            result=$?
            echo; echo $(($(date +%s%N) - began))
            exit $result
            """, protocol, server.Host, port, options);
        var nanoseconds = long.Parse(output.Stdout.TrimEnd().Split('\n')[^1], CultureInfo.InvariantCulture);
        return (output switch
        {
            { Succeeded: true } => output.Stdout.Length > 0 && output.Stdout[0] != '\n'
                ? ProbeResult.Open
                : ProbeResult.Silence,
            _ when output.Stderr.Contains("Connection refused", StringComparison.Ordinal) => ProbeResult.Refused,
            _ when output.Stderr.Contains("No route to host", StringComparison.Ordinal) => ProbeResult.Unreachable,
            _ when output.Stderr.Contains("Connection timed out", StringComparison.Ordinal) => ProbeResult.Silence,
            _ => throw new LabException($"{client.Name}: {output}"),
        }, TimeSpan.FromMicroseconds(nanoseconds / 1000));
    }
}

/// <summary>The checksum of what a client sent, and of what the server got.</summary>
public sealed record Upload(string Sent, string Arrived);
