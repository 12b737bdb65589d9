using System.Text;
using EbpfLb.Lab.Engine;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab;

/// <summary>What the lab looks like when a spec has failed: in the test's output, and attached to its result.</summary>
static class Evidence
{
    public static async Task AttachAsync(HookLab lab, DateTime since)
    {
        var report = new StringBuilder();
        foreach (var balancer in lab.Balancers)
        {
            await AddAsync(report, $"{balancer.Name}: what it printed", () => LogsAsync(balancer, default));
            await AddAsync(report, $"{balancer.Name}: status", () => PrintAsync(balancer, "ebpf-lb", "status"));
            await AddAsync(report, $"{balancer.Name}: flows", () => PrintAsync(balancer, "ebpf-lb", "flows", "--limit", "100"));
        }
        await AddAsync(report, "host: what is attached and pinned", async () => $"{await lab.Host.KernelStateAsync()}");
        foreach (var role in new Role[] { lab.Host, lab.Client, lab.OtherClient })
            await AddAsync(report, $"{role.Name}: addresses, neighbours, sockets", () => PrintAsync(role,
                "sh", "-c", "ip -brief address; ip neighbour; ss -tunp state all exclude time-wait"));
        foreach (var backend in new[] { lab.A, lab.B, lab.C })
            await AddAsync(report, $"{backend.Name} ({backend.Address}): access log", () => LogsAsync(backend, since));

        if (LabRun.IsKept)
            report.AppendLine(LabRun.HowToLook);
        LabContext.Current.WriteLine(report.ToString());
        LabContext.Current.Attach("evidence", report.ToString());
    }

    /// <summary>Adds a look at something; where it cannot be looked at, that is evidence too.</summary>
    internal static async Task AddAsync(StringBuilder report, string title, Func<Task<string>> look)
    {
        string seen;
        try
        {
            seen = await look();
        }
        catch (Exception fault)
        {
            seen = $"(cannot be told: {fault.Message})";
        }
        report.AppendLine($"── {title}").AppendLine(seen.TrimEnd()).AppendLine();
    }

    internal static async Task<string> LogsAsync(Role role, DateTime since)
    {
        var (stdout, stderr) = await role.LogsAsync(since);
        return $"{stdout}\n{stderr}";
    }

    internal static async Task<string> PrintAsync(Role role, params string[] command)
    {
        var output = await role.TryRunAsync(command);
        return output.Succeeded ? output.Stdout : $"{output}";
    }
}
