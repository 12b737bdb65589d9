using System.Globalization;
using EbpfLb.Lab;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Bench.Peers.Roles;

/// <summary>A machine that forwards by nftables' rules: destination NAT to each server in turn, and masquerade.</summary>
sealed class Forwarder : Role
{
    public Forwarder(LabNetwork network, string name, string image)
        : base(network, name, network.Member(image, name)
            .WithCreateParameterModifier(container =>
            {
                container.HostConfig!.CapAdd = ["NET_ADMIN"];
                container.HostConfig.Sysctls = network.RouterSysctls();
            })
            .Build())
    {
    }

    /// <summary>Whether established flows take the short way of a flowtable, which not every kernel has.</summary>
    public bool HasFlowtable { get; private set; }

    /// <summary>Begins to forward; with a flowtable, as nftables' documentation recommends, where the kernel has that.</summary>
    public async Task ForwardAsync(Server one, Server other)
    {
        HasFlowtable = (await TryLoadAsync(Rules(one, other, withFlowtable: true))).Succeeded;
        if (!HasFlowtable && await TryLoadAsync(Rules(one, other, withFlowtable: false)) is { Succeeded: false } refusal)
            throw new LabException($"{Name}: {refusal}");
    }

    /// <summary>What the kernel tracks one connection in, in bytes, without its extensions.</summary>
    public async Task<int> EntrySizeAsync() => int.Parse(
        await ShellAsync("awk '$1 == \"nf_conntrack\" { print $4 }' /proc/slabinfo"), CultureInfo.InvariantCulture);

    Task<Output> TryLoadAsync(string rules) => TryShellAsync("printf '%s' \"$1\" | nft -f -", rules);

    // All of it or nothing comes to be in force.
    static string Rules(Server one, Server other, bool withFlowtable) =>
        $$"""
        table ip balance {
            {{(withFlowtable ? Flowtable : "")}}
            chain prerouting {
                type nat hook prerouting priority dstnat;
                tcp dport {{Server.Web}} dnat to numgen inc mod 2 map { 0 : {{one.Addresses.V4}}, 1 : {{other.Addresses.V4}} }
                udp dport {{Server.Dns}} dnat to numgen inc mod 2 map { 0 : {{one.Addresses.V4}}, 1 : {{other.Addresses.V4}} }
                tcp dport {{Server.Bulk}} dnat to {{one.Addresses.V4}}
            }
            chain postrouting {
                type nat hook postrouting priority srcnat;
                ip daddr { {{one.Addresses.V4}}, {{other.Addresses.V4}} } masquerade
            }
        }

        """;

    const string Flowtable =
        $$"""
        flowtable established {
                hook ingress priority filter
                devices = { {{BalancerHost.Interface}} }
            }
            chain forward {
                type filter hook forward priority filter;
                ct state established flow add @established
            }
        """;
}
