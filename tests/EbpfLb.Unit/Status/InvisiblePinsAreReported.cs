using EbpfLb.Datapath;
using EbpfLb.Status;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Status;

/// <summary>Who may not look, or looks in the wrong place, is told so: nothing may be attached, and something be.</summary>
public sealed class InvisiblePinsAreReported
{
    [Theory, InlineData("status"), InlineData("flows"), InlineData("detach --interface back")]
    public void If_another_user_owns_the_pins(string command)
    {
        var machine = Attached();

        var (code, output, error) = machine.TypeUnprivileged(command);

        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith("error: listing the attached instances failed: ", error, StringComparison.Ordinal);
        Assert.EndsWith($"{Remedies.Pins}\n", error, StringComparison.Ordinal);
    }

    [Theory, InlineData("status"), InlineData("flows"), InlineData("detach --interface back")]
    public void If_the_pins_are_mounted_read_only(string command)
    {
        var machine = Attached();
        machine.ForbidPins();

        var (code, output, error) = machine.Type(command);

        Assert.Equal((1, ""), (code, output));
        Assert.EndsWith($"failed: EROFS, Read-only file system. {Remedies.Pins}\n", error, StringComparison.Ordinal);
    }

    [Theory, InlineData("status"), InlineData("flows")]
    public void If_the_runners_pins_are_in_another_file_system(string command)
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        using var held = machine.Inside(() => InstanceLock.Acquire([Machine.Interface]));

        var (code, output, error) = machine.Type(command);

        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith(
            $"error: ebpf-lb runs on {Machine.Interface}, but its pins are not here: ", error, StringComparison.Ordinal);
    }

    [Theory, InlineData("status"), InlineData("status --interval 100ms")]
    public void That_nothing_is_attached_holds_for_this_network_namespace_only(string command)
    {
        Capabilities.RequireDatapath();

        Assert.Equal((0, $"{StatusSnapshot.NothingAttached}\n", ""), new Machine().Type(command));
    }

    static Machine Attached()
    {
        Capabilities.RequireDatapath();
        var machine = new Machine();
        machine.Inside(() => Machine.Start(Machine.Defaults with { Interfaces = [Machine.OtherInterface] }).Dispose());
        return machine;
    }
}
