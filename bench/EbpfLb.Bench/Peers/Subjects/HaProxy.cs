using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Lab;

namespace EbpfLb.Bench.Peers.Subjects;

/// <summary>HAProxy in TCP mode, which has no UDP.</summary>
sealed class HaProxy(LabNetwork network, string image)
    : Proxy(network, Names.HaProxy, image, "haproxy", ["haproxy", "-db", "-f"])
{
    public override bool CarriesUdp => false;

    public override string Configuration =>
        "mode tcp, as many threads as processors (its default), splice-auto, maxconn 7000, no log";

    private protected override string FileFor(Server one, Server other) =>
        $"""
        global
            maxconn 7000

        defaults
            mode tcp
            option splice-auto
            timeout connect 5s
            timeout client 1m
            timeout server 1m

        listen web
            bind :{Server.Web}
            balance roundrobin
            server one {one.Addresses.V4}:{Server.Web}
            server other {other.Addresses.V4}:{Server.Web}

        listen bulk
            bind :{Server.Bulk}
            server one {one.Addresses.V4}:{Server.Bulk}

        """;

    public override async Task<string?> VersionAsync() =>
        (await Running.ShellAsync("haproxy -v | sed -n '1s/ version\\( [^ ]*\\).*/\\1/p'")).Trim();
}
