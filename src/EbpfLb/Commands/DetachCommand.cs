using System.CommandLine;
using EbpfLb.Datapath;
using EbpfLb.Networking;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb detach</c>: removes the programs and pins that a killed process left.</summary>
static class DetachCommand
{
    public static Command Create()
    {
        var device = new Option<string>("--interface") { Description = "The interface; the others of its balancer are detached as well", HelpName = "NAME", Required = true };
        var command = new Command("detach", "Detach what an ended ebpf-lb left on an interface") { device };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(device), parsed.InvocationConfiguration.Output));
        return command;
    }

    static int Run(string device, TextWriter output)
    {
        var instance = Instance.FindOn(device) ?? device;
        var interfaces = Instance.InterfacesOf(instance).Values.Order().Prepend(instance).Distinct().ToArray();
        var cgroups = CgroupPins.Read(instance).Select(cgroup => cgroup.Path).Order().ToArray();
        using var held = InstanceLock.TryAcquire(interfaces, out var taken) ?? throw new LoadBalancerException(
            $"ebpf-lb is running on interface '{taken}'. Stop it first; it detaches by itself, unless it has leave-attached: then detach again.");
        using var decapsulating = InstanceLock.TryAcquire([Decapsulator.LockOf(device)], out _) ?? throw new LoadBalancerException(
            $"`ebpf-lb decapsulate` is running on interface '{device}'. Stop it (SIGTERM): it detaches by itself.");
        var decapsulated = Decapsulator.Remove(device, Interfaces.IndexOf(device));
        if (!Instance.Remove(instance) && !decapsulated)
            throw new LoadBalancerException($"nothing of ebpf-lb is attached to interface '{device}'. `ebpf-lb status` shows what is attached.");
        output.WriteLine($"detached from {string.Join(", ", [.. interfaces, .. cgroups])}");
        return ExitCode.Ok;
    }
}
