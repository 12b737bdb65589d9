using EbpfLb.Lab.Engine;

namespace EbpfLb.Lab.Clusters;

/// <summary>Balancers that share an address by VRRP: keepalived on each machine asks its balancer whether it is healthy.</summary>
public class VrrpLab(LabEngine engine) : ClusterLab(engine, "vrrp")
{
    /// <summary>How soon keepalived on another machine takes the address of one that is gone, by its configuration.</summary>
    static readonly TimeSpan Move = TimeSpan.FromSeconds(15);

    /// <summary>Starts a machine with a balancer and keepalived.</summary>
    /// <param name="priority">The healthy machine with the highest one has the address.</param>
    /// <param name="plan">The balancer's.</param>
    public async Task<Node> StartNodeAsync(int priority, BalancerPlan plan)
    {
        var node = await StartNodeAsync(plan);
        await node.RunAsync("keepalived",
            """
            printf '%s' "$1" >/etc/keepalived.conf && exec keepalived --dont-fork --log-console --use-file=/etc/keepalived.conf
            """, ConfigurationFor(priority));
        return node;
    }

    /// <summary>Waits until a machine has the address, of both families.</summary>
    public Task TakesAddressAsync(Node node) => Eventually.That($"{node.Name} has the address",
        () => AddressesOnAsync(node), found => found == Service.Addresses.At(0).Count(), Move);

    /// <summary>Waits until a machine has it no more: two that start together may both have it at first.</summary>
    public Task LeavesAddressAsync(Node node) => Eventually.That($"{node.Name} has the address no more",
        () => AddressesOnAsync(node), found => found == 0, Move);

    async Task<int> AddressesOnAsync(Node node) => (await Task.WhenAll(Service.Addresses.At(0).Select(
        endpoint => node.Host.ShellAsync("ip -oneline address show to \"$1\"", endpoint.Address)))).Count(shown => shown.Length > 0);

    string ConfigurationFor(int priority)
    {
        return $$"""
            global_defs {
                vrrp_version 3
                enable_script_security
                script_user root
            }
            {{Instance("web", 80, $"{Service.Addresses.V4}/32")}}
            {{(Service.Addresses.V6 is { } v6 ? Instance("web6", 86, $"fe80::80/64 {v6}/128") : "")}}

            """;

        string Instance(string service, int router, string addresses) =>
            $$"""
            vrrp_script {{service}} {
                script "/usr/local/bin/ebpf-lb healthy --service {{service}}"
                interval 1
                timeout 2
                fall 2
                rise 1
            }
            vrrp_instance {{service}} {
                interface eth0
                state BACKUP
                virtual_router_id {{router}}
                priority {{priority}}
                advert_int 0.2
                virtual_ipaddress {
                    {{addresses.Replace(" ", "\n        ", StringComparison.Ordinal)}}
                }
                track_script {
                    {{service}}
                }
            }
            """;
    }
}
