using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Telemetry;

/// <summary>What balancers have in the kernel of a host, seen with tools that are not the balancer's.</summary>
/// <param name="Pins">The files in the BPF filesystem.</param>
/// <param name="Objects">The maps and links that the pins name, and the links' programs.</param>
/// <param name="Hooks">XDP programs on the interfaces and their places for filters, as ip and tc print them.</param>
sealed record KernelState(IReadOnlyList<string> Pins, IReadOnlyList<KernelObject> Objects, IReadOnlyList<string> Hooks)
{
    /// <summary>The programs that are attached by links.</summary>
    public IEnumerable<KernelObject> Programs => Objects.Where(one => one.Kind == KernelObject.Program);

    public bool IsEmpty => Pins.Count == 0 && Objects.Count == 0 && Hooks.Count == 0;

    public static async Task<KernelState> ReadAsync(BalancerHost host)
    {
        // The kernel itself puts two iterators, *.debug, into every BPF filesystem.
        var seen = await host.ShellAsync(
            """
            find /sys/fs/bpf -type f ! -name '*.debug' | while read -r pin; do
                echo "pin $pin"
                for kind in map prog link; do
                    told=$(bpftool --json "$kind" show pinned "$pin") && echo "$kind $told" && break
                done
            done
            ip -details link show | sed -n 's,.*\(prog/xdp.*\),hook \1,p'
            tc qdisc show | sed -n 's/^qdisc clsact/hook &/p'
            """);
        var lines = seen.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', 2)).ToLookup(line => line[0], line => line[1]);
        var (pins, links) = (lines["pin"].ToList(), lines[KernelObject.Link].ToList());
        List<KernelObject> named =
        [
            .. lines[KernelObject.Map].Select(map => KernelObject.Read(KernelObject.Map, map)),
            .. lines[KernelObject.Program].Select(program => KernelObject.Read(KernelObject.Program, program)),
            .. links.Select(link => KernelObject.Read(KernelObject.Link, link)),
        ];
        var programs = links.Select(link => KernelObject.Read(KernelObject.Program, link, "prog_id"));
        return named.Count == pins.Count
            ? new KernelState(pins, [.. named, .. programs], [.. lines["hook"]])
            : throw new LabException($"{host.Name}: bpftool cannot tell what these are: {string.Join(' ', pins)}");
    }

    public override string ToString() => IsEmpty
        ? "nothing attached, nothing pinned"
        : $"pins: {string.Join(' ', Pins)}; objects: {string.Join(' ', Objects)}; hooks: {string.Join(' ', Hooks)}";
}
