using System.Text;
using EbpfLb.Networking;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Hosting;

/// <summary>The balancer adds its substitute ports to <c>ip_local_reserved_ports</c>, and removes only what it added.</summary>
public sealed class ReservedPortsOfOthersStay : IDisposable
{
    static readonly PortRange Ports = new(1024, 2047);

    readonly string _file = Path.GetTempFileName();
    readonly List<int> _added = [];

    [Theory]
    [InlineData("\n", "1024-2047\n")]
    [InlineData("8080,9000-9010\n", "1024-2047,8080,9000-9010\n")]
    [InlineData("1000-1100,1500,2047-2050\n", "1000-2050\n")]
    public void Reserved_ports_are_merged_and_only_the_added_ones_are_released(string before, string during)
    {
        File.WriteAllText(_file, before);

        Assert.Null(PortReservation.Reserve(Ports, _added.AddRange, _file));

        Assert.Equal(during, File.ReadAllText(_file));
        Assert.Null(PortReservation.Release(_added, _file));
        Assert.Equal(before, File.ReadAllText(_file));
    }

    [Fact]
    public void Ports_that_another_program_reserves_meanwhile_stay()
    {
        File.WriteAllText(_file, "\n");
        PortReservation.Reserve(Ports, _added.AddRange, _file);
        File.WriteAllText(_file, "1024-2047,5000\n");

        PortReservation.Release(_added, _file);

        Assert.Equal("5000\n", File.ReadAllText(_file));
    }

    [Fact]
    public void A_sysctl_that_cannot_be_written_is_a_refusal_and_no_error()
    {
        Assert.NotNull(PortReservation.Reserve(Ports, _added.AddRange, Path.Combine(_file, "absent")));

        Assert.Empty(_added);
        Assert.False(PortReservation.IsPossible(Ports, Path.Combine(_file, "absent")));
    }

    [Fact]
    public void A_sysctl_that_has_the_ports_already_is_not_written()
    {
        File.WriteAllText(_file, "1-65535");

        Assert.Null(PortReservation.Reserve(Ports, _added.AddRange, _file));

        Assert.Empty(_added);
        Assert.True(PortReservation.IsPossible(Ports, _file));
        Assert.Equal("1-65535", File.ReadAllText(_file)); // written, it would end in a new line
    }

    [Fact]
    public void Ports_are_recorded_before_they_are_reserved()
    {
        File.WriteAllText(_file, "1030\n");
        var atRecord = "";

        PortReservation.Reserve(Ports, _ => atRecord = File.ReadAllText(_file), _file);

        Assert.Equal("1030\n", atRecord);
    }

    /// <summary>The kernel answers one read, and takes less than a page of a write; see <c>proc_do_large_bitmap</c>.</summary>
    [Fact]
    public void A_list_longer_than_a_page_keeps_every_port()
    {
        Capabilities.RequireDatapath();
        new NetworkNamespace().Run(() =>
        {
            var list = string.Join(',', Enumerable.Range(0, 5000).Select(i => $"{20000 + (3 * i)}")) + '\n';
            WriteSysctl(list);

            Assert.Null(PortReservation.Reserve(Ports, _added.AddRange));
            Assert.Equal($"1024-2047,{list}", ReadSysctl());
            Assert.Null(PortReservation.Release(_added));

            Assert.Equal(list, ReadSysctl());
            return true;
        });
    }

    static string ReadSysctl()
    {
        var buffer = new byte[1 << 20];
        using var file = File.OpenHandle(PortReservation.File);
        return Encoding.ASCII.GetString(buffer, 0, RandomAccess.Read(file, buffer, 0));
    }

    static void WriteSysctl(string list)
    {
        using var file = File.OpenHandle(PortReservation.File, FileMode.Open, FileAccess.Write);
        RandomAccess.Write(file, Encoding.ASCII.GetBytes(list), 0);
    }

    public void Dispose() => File.Delete(_file);
}
