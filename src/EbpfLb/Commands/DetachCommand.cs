using System.CommandLine;
using EbpfLb.Instances;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb detach</c>: takes down what a killed runner left attached.</summary>
static class DetachCommand
{
    public static Command Create()
    {
        var device = new Option<string>("--interface") { Description = "The interface to free", HelpName = "NAME", Required = true };
        var command = new Command("detach", "Detach what an ended ebpf-lb left on an interface") { device };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(device), parsed.InvocationConfiguration.Output));
        return command;
    }

    static int Run(string device, TextWriter output)
    {
        using var held = InstanceLock.TryTake(device) ?? throw new LoadBalancerException(
            $"ebpf-lb is running on interface '{device}'. Stop it (SIGTERM): it detaches by itself.");
        if (!Instance.All().Contains(device))
            throw new LoadBalancerException($"nothing of ebpf-lb is attached to interface '{device}'.");
        Instance.Clear(device);
        output.WriteLine($"detached from {device}");
        return ExitCode.Ok;
    }
}
