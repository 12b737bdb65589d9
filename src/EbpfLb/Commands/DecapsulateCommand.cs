using System.CommandLine;
using EbpfLb.Datapath;
using EbpfLb.Hosting;
using EbpfLb.Networking;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb decapsulate</c>: removes the outer headers of mode tunnel on a backend.</summary>
static class DecapsulateCommand
{
    public static Command Create()
    {
        var device = new Option<string>("--interface")
        {
            Description = "The interface that tunnelled packets come by: a name, a prefix in CIDR notation, or 'default'",
            HelpName = "NAME",
            Required = true,
        };
        var command = new Command(
            "decapsulate", "On a backend of mode tunnel: remove outer headers of packets to the interface until SIGINT or SIGTERM") { device };
        command.SetAction((parsed, cancellation) =>
            RunAsync(parsed.GetRequiredValue(device), parsed.InvocationConfiguration.Output, cancellation));
        return command;
    }

    static async Task<int> RunAsync(string selector, TextWriter output, CancellationToken cancellation)
    {
        Preflight.RequirePrivileges();
        BpfFs.Ensure();
        var device = NetworkDevice.Find(selector);
        using var decapsulator = Decapsulator.Attach(device);
        await output.WriteLineAsync($"ready: decapsulating ipip and gue to {string.Join(", ", device.Addresses())} on {device.Name}");
        try
        {
            await decapsulator.FollowAsync(cancellation);
        }
        finally
        {
            decapsulator.Detach();
        }
        return ExitCode.Ok;
    }
}
