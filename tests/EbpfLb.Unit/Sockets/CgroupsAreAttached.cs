using System.Net.Sockets;
using EbpfLb.Commands;
using EbpfLb.Datapath;
using EbpfLb.Flows;
using EbpfLb.Status;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Sockets;

/// <summary>The socket programs are attached, adopted, replaced and detached as the packet programs are.</summary>
public sealed class CgroupsAreAttached
{
    const int Refused = 111; // ECONNREFUSED
    const AddressFamily Ip4 = AddressFamily.InterNetwork;

    /// <summary>The kernel releases removed cgroups one after another, each after a grace period.</summary>
    static readonly TimeSpan CgroupRelease = TimeSpan.FromMinutes(1);

    static int HookCount => CgroupHook.All.Count;

    [Fact]
    public void Another_program_is_behind_the_same_links_after_a_death() => SocketMachine.Run(machine =>
    {
        machine.Start().Dispose();
        var former = Links();
        Assert.Equal(HookCount, former.Length);
        Assert.Equal("10.9.0.11", Assert.Single(machine.BackendsOfConnections(Ip4, 1))); // while there is no process

        using var attached = machine.Start();

        Assert.True(attached.IsAdopted);
        Assert.Equal(former.Select(link => (link.Name, link.Id)), Links().Select(link => (link.Name, link.Id)));
        Assert.All(former.Zip(Links()), pair => Assert.NotEqual(pair.First.Program, pair.Second.Program));
        Assert.Equal(["10.9.0.12", "10.9.0.11"], machine.BackendsOfConnections(Ip4, 2));
    });

    [Fact]
    public void A_socket_that_outlives_the_process_counts_until_it_is_closed() => SocketMachine.Run(machine =>
    {
        Socket socket;
        using (machine.Start())
            socket = machine.Connect(Ip4);
        using var attached = machine.Start();

        Assert.Equal(1, LiveFlows.Count(attached.Tables).Values.Sum());
        Assert.Equal(SocketMachine.Service4, SocketMachine.PeerOf(socket));
        socket.Dispose();
        SocketMachine.AllAreClosed(attached.Tables);
    });

    [Fact]
    public void A_cgroup_that_is_no_longer_configured_is_detached_and_its_closes_counted() => SocketMachine.Run(machine =>
    {
        Socket socket;
        using (machine.Start())
            socket = machine.Connect(Ip4);

        using var attached = Machine.Start(Machine.Defaults, tables => SocketMachine.Apply(tables, SocketMachine.Backends(1, 1)));

        using var other = machine.Open(Ip4);
        Assert.Equal(Refused, SocketMachine.TryConnect(other, SocketMachine.Service4));
        Assert.Empty(StatusReader.Create(Machine.Interface, attached.Tables).Cgroups);
        Assert.Equal(1, LiveFlows.Count(attached.Tables).Values.Sum());
        socket.Dispose();
        SocketMachine.AllAreClosed(attached.Tables);
    });

    [Fact]
    public void Detached_nothing_is_left() => SocketMachine.Run(machine =>
    {
        using (var attached = machine.Start())
            attached.Detach();

        Assert.Empty(Instance.All());
        using var socket = machine.Open(Ip4);
        Assert.Equal(Refused, SocketMachine.TryConnect(socket, SocketMachine.Service4));
    });

    [Fact]
    public void Detach_removes_what_an_ended_process_left() => SocketMachine.Run(machine =>
    {
        machine.Start().Dispose();

        var (code, output, _) = machine.Machine.Type($"detach --interface {Machine.Interface}");

        Assert.Equal((ExitCode.Ok, $"detached from {Machine.Interface}, {machine.Cgroup.Path}"), (code, output.Trim()));
        using var socket = machine.Open(Ip4);
        Assert.Equal(Refused, SocketMachine.TryConnect(socket, SocketMachine.Service4));
    });

    [Fact]
    public void A_cgroup_that_does_not_exist_yet_is_attached_when_it_does() => SocketMachine.Run(machine =>
    {
        machine.Cgroup.Remove();
        using var attached = machine.Start();
        var missing = Assert.Throws<LoadBalancerException>(() => attached.UpdateCgroups());
        Assert.Contains($"cgroup {machine.Cgroup.Path} does not exist", missing.Message, StringComparison.Ordinal);

        machine.Cgroup.Make();

        Assert.Equal((1, 0), (attached.UpdateCgroups(), attached.UpdateCgroups()));
        Assert.Equal("10.9.0.11", Assert.Single(machine.BackendsOfConnections(Ip4, 1)));
    });

    [Fact]
    public void A_recreated_cgroup_is_attached_again() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        machine.Cgroup.Remove();
        // On this thread: another one, after an await, would not be inside the machine.
        Assert.True(
            SpinWait.SpinUntil(
                () => StatusReader.Create(Machine.Interface, attached.Tables).LostCgroups.Contains(machine.Cgroup.Path), CgroupRelease),
            "the kernel left the programs on the removed cgroup");
        machine.Cgroup.Make();

        Assert.Equal(1, attached.UpdateCgroups());

        Assert.Empty(StatusReader.Create(Machine.Interface, attached.Tables).LostCgroups);
        Assert.Equal(HookCount, Links().Length);
        Assert.Equal("10.9.0.11", Assert.Single(machine.BackendsOfConnections(Ip4, 1)));
    });

    [Fact]
    public void A_directory_that_is_no_cgroup_is_refused_and_nothing_is_attached() => SocketMachine.Run(machine =>
    {
        var error = Assert.Throws<LoadBalancerException>(() => Machine.Start(
            machine.Configuration with { Sockets = [machine.Cgroup.Path, "/tmp"] }, tables => SocketMachine.Apply(tables, [])));

        Assert.StartsWith("/tmp is no cgroup v2 directory.", error.Message, StringComparison.Ordinal);
        Assert.Empty(Instance.All());
        using var socket = machine.Open(Ip4);
        Assert.Equal(Refused, SocketMachine.TryConnect(socket, SocketMachine.Service4));
    });

    [Fact]
    public void The_status_names_the_cgroup_and_counts_its_sockets() => SocketMachine.Run(machine =>
    {
        using var attached = machine.Start();
        using var socket = machine.Connect(Ip4);
        using var output = new StringWriter();

        var status = StatusReader.Create(Machine.Interface, attached.Tables);
        new StatusTable(output).Write(status);

        Assert.Equal([machine.Cgroup.Path], status.Cgroups);
        Assert.Equal((1, 1), (status.Sockets, status.Flows));
        Assert.Contains($"1 flow of 1024, 1 of them sockets of {machine.Cgroup.Path}", output.ToString(), StringComparison.Ordinal);
    });

    static (string Name, uint Id, uint Program)[] Links() =>
    [
        .. Machine.Attached().Where(link => CgroupHook.All.Any(hook => link.Name.StartsWith($"link_{hook.Name}_", StringComparison.Ordinal)))
            .Select(link => (link.Name, link.Id, link.Program)),
    ];
}
