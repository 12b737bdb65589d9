using EbpfLb.Networking;

namespace EbpfLb.Unit.Hosting;

/// <summary>The balancer adds its substitute ports to <c>ip_local_reserved_ports</c>, and removes only what it added.</summary>
public sealed class ReservedPortsOfOthersStay : IDisposable
{
    static readonly PortRange Ports = new(1024, 2047);

    readonly string _file = Path.GetTempFileName();

    [Theory]
    [InlineData("\n", "1024-2047\n")]
    [InlineData("8080,9000-9010\n", "1024-2047,8080,9000-9010\n")]
    [InlineData("1000-1100,1500,2047-2050\n", "1000-2050\n")]
    public void Reserved_ports_are_merged_and_only_the_added_ones_are_released(string before, string during)
    {
        File.WriteAllText(_file, before);

        var added = PortReservation.Reserve(Ports, out var refusal, _file);

        Assert.Null(refusal);
        Assert.Equal(during, File.ReadAllText(_file));
        Assert.Null(PortReservation.Release(added, _file));
        Assert.Equal(before, File.ReadAllText(_file));
    }

    [Fact]
    public void Ports_that_another_program_reserves_meanwhile_stay()
    {
        File.WriteAllText(_file, "\n");
        var added = PortReservation.Reserve(Ports, out _, _file);
        File.WriteAllText(_file, "1024-2047,5000\n");

        PortReservation.Release(added, _file);

        Assert.Equal("5000\n", File.ReadAllText(_file));
    }

    [Fact]
    public void A_sysctl_that_cannot_be_written_is_a_refusal_and_no_error()
    {
        var added = PortReservation.Reserve(Ports, out var refusal, Path.Combine(_file, "absent"));

        Assert.Empty(added);
        Assert.NotNull(refusal);
        Assert.False(PortReservation.IsPossible(Ports, Path.Combine(_file, "absent")));
    }

    [Fact]
    public void A_sysctl_that_has_the_ports_already_is_not_written()
    {
        File.WriteAllText(_file, "1-65535");

        Assert.Empty(PortReservation.Reserve(Ports, out var refusal, _file));

        Assert.Null(refusal);
        Assert.True(PortReservation.IsPossible(Ports, _file));
        Assert.Equal("1-65535", File.ReadAllText(_file)); // written, it would end in a new line
    }

    public void Dispose() => File.Delete(_file);
}
