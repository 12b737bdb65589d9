using System.Text;

namespace EbpfLb.Lab.Roles;

/// <summary>Prometheus, on the machine of the balancers whose metrics it scrapes.</summary>
public sealed class Prometheus : Role
{
    const string Url = "http://127.0.0.1:9090";

    internal Prometheus(LabNetwork network, string name, BalancerHost host, string image, int port)
        : base(network, name, network.Container(image, name)
            .WithResourceMapping(Encoding.UTF8.GetBytes(Configuration(port)), "/etc/prometheus/scrape.yaml")
            .WithCreateParameterModifier(container => host.JoinNetwork(container.HostConfig!))
            .Build())
    {
    }

    /// <summary>What its own tool finds wrong with metrics in the text format; empty where nothing is.</summary>
    public async Task<string> LintAsync(string metrics)
    {
        var output = await TryShellAsync("printf '%s' \"$1\" | promtool check metrics", metrics);
        return output.Succeeded ? (output.Stdout + output.Stderr).Trim() : $"{output}";
    }

    /// <summary>The series that answer a query now, a line each; none while nothing was scraped.</summary>
    public async Task<IReadOnlyList<string>> QueryAsync(string query)
    {
        var output = await TryRunAsync("promtool", "query", "instant", Url, query);
        return output.Succeeded ? output.Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];
    }

    static string Configuration(int port) => $$"""
        global:
          scrape_interval: 250ms
          scrape_timeout: 250ms
        scrape_configs:
          - job_name: ebpf-lb
            static_configs:
              - targets: ["127.0.0.1:{{port}}"]
        """;

    private protected override Task<Addresses> FindAddressesAsync() => Task.FromResult(Addresses.None);
}
