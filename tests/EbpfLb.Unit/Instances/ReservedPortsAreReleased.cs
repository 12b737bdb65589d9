using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Reconcile;

namespace EbpfLb.Unit.Instances;

/// <summary>
/// Ports that a balancer reserved from local sockets are released with the last one that needs them, also if processes
/// were killed. Ports of the administrator's stay.
/// </summary>
public sealed class ReservedPortsAreReleased
{
    const string ByAdministrator = "8080,20000-20010";
    const string WithSubstitutes = "1024-17407,20000-20010";

    static readonly LoadBalancerConfiguration Other = Machine.Defaults with { Interfaces = [Machine.OtherInterface] };

    [Fact]
    public void Detach_releases_what_a_killed_process_reserved() => OnAMachine(machine =>
    {
        Start(Machine.Defaults).Dispose();
        Assert.Equal(WithSubstitutes, Reserved);

        var (code, _, _) = machine.Type($"detach --interface {Machine.Interface}");

        Assert.Equal(0, code);
        Assert.Equal(ByAdministrator, Reserved);
    });

    [Fact]
    public void The_end_of_the_next_process_releases_them() => OnAMachine(_ =>
    {
        Start(Machine.Defaults).Dispose();
        using var next = Start(Machine.Defaults);
        Assert.Equal(WithSubstitutes, Reserved);

        next.Detach();

        Assert.Equal(ByAdministrator, Reserved);
    });

    [Fact]
    public void So_does_the_end_of_a_process_that_starts_anew() => OnAMachine(_ =>
    {
        Start(Machine.Defaults).Dispose();
        using var next = Start(Machine.Defaults with { Replace = true });
        Assert.False(next.IsAdopted);
        Assert.Equal(WithSubstitutes, Reserved);

        next.Detach();

        Assert.Equal(ByAdministrator, Reserved);
    });

    [Theory, InlineData(true), InlineData(false)]
    public void The_last_of_two_balancers_releases_them(bool firstEndsFirst) => OnAMachine(_ =>
    {
        using var first = Start(Machine.Defaults);
        using var second = Start(Other);
        var (former, latter) = firstEndsFirst ? (first, second) : (second, first);

        former.Detach();
        Assert.Equal(WithSubstitutes, Reserved);
        latter.Detach();

        Assert.Equal(ByAdministrator, Reserved);
    });

    [Fact]
    public void A_sysctl_that_may_not_be_written_is_an_error_with_a_remedy() => OnAMachine(machine =>
    {
        using var attached = Start(Machine.Defaults);
        machine.ForbidToWrite("/proc/sys");

        var error = Assert.Throws<PortsStayReservedException>(attached.Detach);

        Assert.StartsWith("releasing ports 1024 to 17407 in net.ipv4.ip_local_reserved_ports failed: ", error.Message);
        Assert.Empty(Instance.All());
    });

    [Fact]
    public void What_may_not_be_reserved_is_not_on_record() => OnAMachine(machine =>
    {
        machine.ForbidToWrite("/proc/sys");
        using var attached = Machine.Start(Machine.Defaults);
        Assert.NotNull(ReservedPorts.Reserve(attached.Tables, SnatPorts.Read().Substitutes));

        attached.Detach(); // with a record it would have to release, which it may not

        Assert.Equal(ByAdministrator, Reserved);
    });

    [Fact]
    public async Task A_process_with_replace_starts_even_if_it_may_not_release_them()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(() =>
        {
            Prepare();
            Start(Machine.Defaults).Dispose();
        });
        machine.ForbidToWrite("/proc/sys");

        using var run = Run(machine, "--replace");
        var told = await run.UntilAsync("ready");

        Assert.Contains(told, line => line.Contains(
            "releasing ports 1024 to 17407 in net.ipv4.ip_local_reserved_ports failed: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_balancer_that_ends_waits_for_others_that_start_or_end()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        var (attached, other, inode) = machine.Inside(() =>
        {
            Prepare();
            return (Start(Machine.Defaults), BpfFs.Lock(), Files.InodeOf(BpfFs.Root));
        });
        using var first = attached;

        var end = machine.Beside(attached.Detach);
        await Eventually.That(
            "the end waits for the lock", () => File.ReadAllLines("/proc/locks"),
            locks => locks.Any(line => line.Contains("-> FLOCK", StringComparison.Ordinal) && line.Contains($":{inode} ", StringComparison.Ordinal)));
        Assert.Equal(WithSubstitutes, machine.Inside(() => Reserved));
        other.Dispose();
        await end;

        Assert.Equal(ByAdministrator, machine.Inside(() => Reserved));
    }

    [Fact]
    public async Task A_run_that_fails_to_record_them_says_that_it_stays_attached()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(Prepare);
        var unreadable = Path.GetTempFileName();
        File.WriteAllText(unreadable, "no list of ports");
        machine.Cover(PortReservation.File, unreadable);

        using var run = Run(machine);
        await run.UntilAsync("the datapath stays attached");

        Assert.NotEqual(0, await run.ExitCodeAsync());
    }

    [Fact]
    public async Task Run_reserves_them_on_a_host_whose_local_range_has_all_ports()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(Prepare);
        using (var run = Run(machine))
        {
            await run.UntilAsync("ready");
            Assert.Equal(WithSubstitutes, machine.Inside(() => Reserved));
        }
        machine.Type($"detach --interface {Machine.Interface}");

        Assert.Equal(ByAdministrator, machine.Inside(() => Reserved));
    }

    static RunnerProcess Run(Machine machine, params string[] more) => new(
        machine, ["--interface", Machine.Interface, "--hook", "tc", "--listen", ":80", "--backend", "10.9.0.11", .. more]);

    static string Reserved => File.ReadAllText(PortReservation.File).Trim();

    static AttachedDatapath Start(LoadBalancerConfiguration configuration)
    {
        var attached = Machine.Start(configuration);
        Assert.Null(ReservedPorts.Reserve(attached.Tables, SnatPorts.Read().Substitutes));
        return attached;
    }

    static void Prepare()
    {
        File.WriteAllText("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535");
        File.WriteAllText(PortReservation.File, ByAdministrator);
    }

    static void OnAMachine(Action<Machine> test)
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(() =>
        {
            Prepare();
            test(machine);
        });
    }
}
