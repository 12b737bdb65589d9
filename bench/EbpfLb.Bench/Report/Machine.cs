using System.Globalization;
using System.Runtime.InteropServices;
using EbpfLb.Lab.Engine;

namespace EbpfLb.Bench.Report;

/// <summary>What something was measured on; nothing that would name the machine itself.</summary>
/// <param name="Processor">Its model.</param>
/// <param name="Processors">How many there are.</param>
/// <param name="MemoryGigabytes">In units of 10^9 bytes.</param>
/// <param name="Kernel">Its version, without what its vendor adds.</param>
/// <param name="Guards">
/// What the kernel does against speculation at calls and returns, each of which it makes dearer; empty where nothing.
/// </param>
/// <param name="Engine">The container engine and its version.</param>
/// <param name="BridgeCallsIptables">Whether bridged packets pass the engine's iptables rules, which costs all of them alike.</param>
sealed record Machine(string Processor, int Processors, double MemoryGigabytes, string Kernel, string[] Guards, string Engine, bool BridgeCallsIptables)
{
    const string Bridge = "/proc/sys/net/bridge/bridge-nf-call-iptables";
    const string Vulnerabilities = "/sys/devices/system/cpu/vulnerabilities";

    /// <summary>The kinds of it whose remedy is a dearer call or return.</summary>
    static readonly string[] Speculation = ["spectre_v2", "retbleed", "spec_rstack_overflow"];

    public static async Task<Machine> DescribeAsync(LabEngine engine)
    {
        var version = await engine.Docker.System.GetVersionAsync();
        return new Machine(
            Read("/proc/cpuinfo", "model name") ?? RuntimeInformation.OSArchitecture.ToString(),
            Environment.ProcessorCount,
            Math.Round(double.Parse(Read("/proc/meminfo", "MemTotal")!.Split(' ')[0], CultureInfo.InvariantCulture) * 1024 / 1e9, 1),
            Environment.OSVersion.Version.ToString(2),
            [.. Speculation.Select(Guard).OfType<string>()],
            $"Docker {version.Version}",
            File.Exists(Bridge) && File.ReadAllText(Bridge).Trim() == "1");
    }

    static string? Read(string file, string key) => File.ReadLines(file)
        .FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();

    /// <summary>The first part of what stands behind the verdict, as in "Mitigation: Retpolines; STIBP: disabled".</summary>
    static string? Guard(string vulnerability)
    {
        var file = Path.Combine(Vulnerabilities, vulnerability);
        return File.Exists(file) && File.ReadAllText(file).Trim().Split(": ", 2) is [_, var remedy] ? remedy.Split(';')[0] : null;
    }

    /// <summary>As a sentence of the report.</summary>
    public override string ToString() =>
        $"{Processors} processors ({Processor}), {MemoryGigabytes} GB of memory, Linux {Kernel}, {Engine}" +
        (Guards is { Length: > 0 } ? $"; its calls and returns are guarded: {string.Join(", ", Guards)}" : "") +
        (BridgeCallsIptables ? "; bridged packets pass the engine's iptables rules" : "");
}
