using EbpfLb.Lab.Engine;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab;

/// <summary>The packets of a spec, as a role's tcpdump sees them: taken on request, kept where it fails.</summary>
sealed class Capture
{
    const string File = "/tmp/capture.pcap";
    static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(20);

    readonly Role _role;
    readonly string _process;

    Capture(Role role, string process) => (_role, _process) = (role, process);

    /// <summary>Begins to capture at each role; nowhere where nobody asked for it.</summary>
    public static async Task<IReadOnlyList<Capture>> StartAsync(params Role[] roles) =>
        LabRun.Captures ? await Task.WhenAll(roles.Select(StartAsync)) : [];

    /// <summary>Ends the capture.</summary>
    public Task EndAsync() => _role.ShellAsync("kill -INT \"$1\"", _process);

    /// <summary>Attaches what was captured to the test's result, for tcpdump or Wireshark to read.</summary>
    public async Task AttachAsync() => LabContext.Current.Attach(
        $"{_role.Name}.pcap", await _role.ReadFileAsync(File), "application/vnd.tcpdump.pcap");

    static async Task<Capture> StartAsync(Role role)
    {
        var process = await role.ShellAsync(
            "rm -f \"$1\"; tcpdump -U -i any -w \"$1\" >/dev/null 2>&1 & echo $!", File);
        await Eventually.That($"{role.Name} captures packets",
            () => role.TryShellAsync("test -s \"$1\"", File), begun => begun.Succeeded, LongestStart);
        return new Capture(role, process.Trim());
    }
}
