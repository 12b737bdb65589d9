using EbpfLb.Bench.Peers.Roles;
using EbpfLb.Lab;

namespace EbpfLb.Bench.Peers.Subjects;

/// <summary>nginx's stream module, TCP and UDP.</summary>
sealed class NginxStream(LabNetwork network, string image)
    : Proxy(network, Names.NginxStream, image, "nginx", ["nginx", "-g", "daemon off;", "-c"])
{
    public override string Configuration =>
        "worker_processes auto, worker_connections 16384, listen with reuseport and a long backlog, no log";

    private protected override string FileFor(Server one, Server other) =>
        $$"""
        load_module /usr/lib/nginx/modules/ngx_stream_module.so;
        worker_processes auto;
        pid /run/nginx.pid;
        error_log stderr error;

        events {
            worker_connections 16384;
        }

        stream {
            upstream web {
                server {{one.Addresses.V4}}:{{Server.Web}};
                server {{other.Addresses.V4}}:{{Server.Web}};
            }

            upstream dns {
                server {{one.Addresses.V4}}:{{Server.Dns}};
                server {{other.Addresses.V4}}:{{Server.Dns}};
            }

            server {
                listen {{Server.Web}} reuseport backlog=65535;
                proxy_pass web;
            }

            server {
                listen {{Server.Bulk}} reuseport;
                proxy_pass {{one.Addresses.V4}}:{{Server.Bulk}};
            }

            server {
                listen {{Server.Dns}} udp reuseport;
                proxy_pass dns;
                proxy_responses 1;
                proxy_timeout 5s;
            }
        }

        """;

    public override async Task<string?> VersionAsync() =>
        (await Running.ShellAsync("nginx -v 2>&1")).Trim().Replace("nginx version: nginx/", "nginx ", StringComparison.Ordinal);
}
