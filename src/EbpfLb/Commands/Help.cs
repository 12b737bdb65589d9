using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace EbpfLb.Commands;

/// <summary>Examples in the help text.</summary>
static class Help
{
    const int WidthInAPipe = 100;

    static readonly Dictionary<string, string> Examples = new()
    {
        [""] = """
            ebpf-lb doctor
            ebpf-lb run --interface eth0 --listen :80 --backend 172.20.0.2 --backend 172.20.0.3
            """,
        ["run"] = """
            ebpf-lb run --interface eth0 --listen :80 --backend 172.20.0.2 --backend web.lab:8080
            ebpf-lb run --interface eth0 --listen [2001:db8::1]:80 --backend 2001:db8::2 --backend [2001:db8::3]:8080
            ebpf-lb run --interface eth0 --listen :53/udp --listen :53/tcp --backend dns.lab --events packets
            ebpf-lb run --interface eth0 --listen :80 --backend web.lab --mode dsr
            ebpf-lb run --interface eth0 --listen :80 --backend 10.1.0.2 --mode tunnel --encapsulation gue
            ebpf-lb run --interface eth0 --listen :80 --backend web.lab --health http=/ready --health every=2s
            ebpf-lb run --interface front --interface back --listen :80 --backend 10.1.0.2 --backend 10.1.0.3
            ebpf-lb run --interface eth0 --listen :80 --docker lab
            ebpf-lb run --config ebpf-lb.yaml
            ebpf-lb run --config ebpf-lb.yaml --replace

            ebpf-lb.yaml:
              interface: eth0                # or several: [ front, back ]; clients connect on the first
              hook: auto                     # auto, tc, xdp-native or xdp-generic
              events: flows                  # flows, packets or off
              flows: 65536                   # how many there is room for
              timeouts: { opening: 31s, established: 135m, ended: 10s, udp: 1m } # of idle flows
              metrics: 127.0.0.1:9464        # serves /metrics and /healthz; nowhere unless it is given
              logs: lines                    # lines or json
              leave-attached: false          # true: SIGTERM leaves the datapath to the next run
              withdraw-for: 0s               # SIGTERM: unhealthy, and forwarding, for so long
              services:
                - name: web
                  listen: self:80/tcp        # 'self': the first interface's own addresses
                  algorithm: round-robin
                  drain: 30s                 # for the flows of backends that leave
                  health: { http: /, every: 1s, timeout: 500ms, rise: 2, fall: 3 }
                  backends: [ 172.20.0.2:80, { address: "web.lab:8080", weight: 2 } ]
              docker: { network: lab }       # containers with the label ebpf-lb.service=web as well
            """,
        ["check"] = "ebpf-lb check --config ebpf-lb.yaml",
        ["status"] = """
            ebpf-lb status --json
            ebpf-lb status --interval 1s
            """,
        ["healthy"] = """
            ebpf-lb healthy
            ebpf-lb healthy --service web --min-backends 2
            """,
        ["watch"] = """
            ebpf-lb watch
            ebpf-lb watch --interval 10s >rates.log
            """,
        ["flows"] = """
            ebpf-lb flows --client 10.0.0.0/8 --service web
            ebpf-lb flows --backend 172.20.0.2:80 --sort bytes --limit 10
            ebpf-lb flows --json
            """,
        ["doctor"] = "ebpf-lb doctor --interface eth0",
        ["detach"] = "ebpf-lb detach --interface eth0",
        ["decapsulate"] = "ebpf-lb decapsulate --interface eth0",
    };

    public static void ShowExamples(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new HelpWithExamples((HelpAction)option.Action!);
    }

    /// <summary>The lines of a command's examples; the root has the empty name.</summary>
    public static string[] ExamplesOf(string command) => Examples[command].Split('\n');

    /// <summary>The name of the parsed command; empty for the root.</summary>
    public static string CommandOf(ParseResult parsed) =>
        parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name;

    sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parsed)
        {
            var output = parsed.InvocationConfiguration.Output;
            help.MaxWidth = Terminal.WidthOf(output) ?? WidthInAPipe;
            var result = help.Invoke(parsed);
            output.WriteLine("Examples:");
            foreach (var line in ExamplesOf(CommandOf(parsed)))
                output.WriteLine($"  {line}".TrimEnd());
            return result;
        }
    }
}
