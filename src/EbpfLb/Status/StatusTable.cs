using EbpfLb.Configuration;

namespace EbpfLb.Status;

/// <summary>Writes a status for people.</summary>
static class StatusTable
{
    public static void Write(StatusSnapshot snapshot, TextWriter output) =>
        snapshot.Write(output, status => Write(status, output));

    public static void Write(InstanceStatus status, TextWriter output)
    {
        output.WriteLine(Heading(status));
        foreach (var service in status.Services)
        {
            output.WriteLine(Heading(service));
            var width = AddressWidth(service);
            output.WriteLine(FormatRow("BACKEND", "ADDRESS".PadRight(width), "STATE", "WEIGHT", "FLOWS", "OPENED", "BYTES IN", "BYTES OUT"));
            foreach (var backend in service.Backends)
            {
                output.WriteLine(FormatRow(
                    backend.Name, backend.Address.PadRight(width), FormatState(backend), backend.Weight, backend.Flows,
                    backend.Traffic.Opened, backend.Traffic.ToBackendBytes, backend.Traffic.ToClientBytes));
            }
        }
        var packets = status.Packets.Select(count => $"{count.Key} {count.Value}");
        output.WriteLine($"  packets: {string.Join(", ", packets)}");
        if (status.EventsLost > 0)
            output.WriteLine($"  events lost: {status.EventsLost}");
    }

    /// <summary>One line about the instance.</summary>
    public static string Heading(InstanceStatus status)
    {
        var runner = status.Running ? "running" : "its process is gone, the datapath goes on";
        var interfaces = status.Interfaces.Concat(status.Lost.Select(name => $"{name} (gone)"));
        return $"{string.Join(", ", interfaces)}: hook {status.Hook} ({status.Why}), {runner}, {ConfigNames.FormatFlowCount(status.Flows)} of {status.RoomForFlows}";
    }

    /// <summary>One line about a service.</summary>
    public static string Heading(ServiceStatus service) => service.Listen.Count == 0
        ? $"  {service.Name}, which has left, {ConfigNames.FormatFlowCount(service.Flows)}"
        : $"  {service.Name} on {string.Join(", ", service.Listen)}, mode {service.Mode}, {ConfigNames.FormatFlowCount(service.Flows)}";

    /// <summary>The width of the address column.</summary>
    public static int AddressWidth(ServiceStatus service) =>
        Math.Max(22, service.Backends.Max(backend => (int?)backend.Address.Length) ?? 0);

    /// <summary>The state and, while draining, the seconds left.</summary>
    public static string FormatState(BackendStatus backend) =>
        backend.DrainSeconds is { } seconds ? $"{backend.State} {seconds}s" : backend.State;

    static string FormatRow(
        object name, object address, object state, object weight, object flows, object opened, object bytesIn, object bytesOut) =>
        FormattableString.Invariant(
            $"    {name,-24} {address} {state,-17} {weight,6} {flows,8} {opened,10} {bytesIn,12} {bytesOut,12}");
}
