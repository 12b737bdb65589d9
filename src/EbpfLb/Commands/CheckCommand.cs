using System.CommandLine;
using EbpfLb.Configuration;
using EbpfLb.Networking;
using EbpfLb.Providers.Files;

namespace EbpfLb.Commands;

/// <summary><c>ebpf-lb check</c>: validates a configuration file and prints what it configures.</summary>
static class CheckCommand
{
    public static Command Create()
    {
        var config = new Option<string>("--config")
        {
            Description = "The configuration file",
            HelpName = "FILE",
            Required = true,
        };
        var strict = new Option<bool>("--strict") { Description = "Fail on a warning as well" };
        var command = new Command("check", "Validate a configuration file; changes nothing") { config, strict };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(config);
            var result = ConfigurationFile.Read(path);
            var invocation = parsed.InvocationConfiguration;
            if (result.Configuration is not { } configuration)
                return CommandLine.Report(result.Errors, invocation.Error, ExitCode.Usage);
            Describe(path, configuration, invocation.Output);
            string[] warnings = [.. ConfigurationWarnings.Find(configuration), .. FindMissing(configuration)];
            foreach (var warning in warnings)
                invocation.Error.WriteLine($"warning: {warning}");
            return warnings.Length > 0 && parsed.GetValue(strict) ? ExitCode.Failed : ExitCode.Ok;
        });
        return command;
    }

    /// <summary>The file may be for another machine.</summary>
    static IEnumerable<string> FindMissing(LoadBalancerConfiguration configuration) =>
    [
        .. from name in configuration.Interfaces
           where InterfaceSelector.TryResolve(name) is null
           select $"this machine has no interface '{name}'. 'ip link' lists those it has.",
        .. from path in configuration.Sockets
           where !Directory.Exists(path)
           select $"this machine has no cgroup {path}: no client in it is balanced at its socket until it is created.",
    ];

    static void Describe(string path, LoadBalancerConfiguration configuration, TextWriter output)
    {
        var interfaces = configuration.Interfaces is [var one] ? $"interface {one}" : $"interfaces {string.Join(", ", configuration.Interfaces)}";
        output.WriteLine($"{path} is valid: {interfaces}, hook {configuration.Hook.ToConfigString()}");
        output.WriteLine($"  room for {configuration.Flows} flows; idle timeouts: {configuration.Timeouts}");
        if (configuration.Docker is { } docker)
            output.WriteLine($"  containers labelled for a service are backends, on network {docker.Network} (engine {docker.Endpoint})");
        foreach (var service in configuration.Services)
        {
            var backends = service.Backends.Select(backend =>
                $"{backend}{(backend.Weight == 1 ? "" : $" (weight {backend.Weight})")}");
            var targets = service.Backends.IsEmpty ? "no backend" : string.Join(", ", backends);
            output.WriteLine($"  {service.Name} {service.Listen}{DescribeForwarding(service)} -> {targets}");
            if (service.Health is { } health)
                output.WriteLine($"    checked by {health}");
        }
    }

    /// <summary>What is not the default.</summary>
    static string DescribeForwarding(ServiceConfiguration service) => service switch
    {
        { Mode: ForwardingMode.Tunnel } => $" (mode tunnel, encapsulation {ConfigNames.Encapsulations.Format(service.Encapsulation)})",
        { Mode: not ForwardingMode.Nat } => $" (mode {service.Mode.ToConfigString()})",
        { NatSource.IsEmpty: false } => $" (nat-source {string.Join(", ", service.NatSource)})",
        _ => "",
    };
}
