using EbpfLb.Abi;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Abi;

/// <summary>What user space and the datapath write into their maps, the other reads as it was meant.</summary>
public sealed class StructMirrorsMatchTheHeader
{
    /// <summary>The datapath's own, which user space never sees.</summary>
    static readonly string[] NotShared = ["lb_slot_table"];

    /// <summary><c>LB_REASON_RANGE</c>.</summary>
    const int ReasonRange = 16;

    static readonly string[] ReasonRanges = ["Continue", "Sent", "Pass", "Refuse", "Drop"];

    static readonly Dictionary<string, string> EnumPrefixes = new()
    {
        ["lb_algorithm"] = "LB_",
        ["lb_backend_state"] = "LB_BACKEND_",
        ["lb_direction"] = "LB_",
        ["lb_mode"] = "LB_",
        ["lb_nat_source"] = "LB_NAT_SOURCE_",
        ["lb_reason"] = "LB_",
        ["lb_tcp_seen"] = "LB_SEEN_",
        ["lb_flow_table"] = "LB_TABLE_",
        ["lb_event_type"] = "LB_EVENT_",
        ["lb_event_level"] = "LB_EVENTS_",
    };

    public static MatrixTheoryData<string, string> Structs => new(
        [.. Objects, "lb_sock.bpf.o"], Mirror.Types.Where(type => !type.Value.IsEnum).Select(type => type.Key));

    public static MatrixTheoryData<string, string> Enums => new(
        Objects, Mirror.Types.Where(type => type.Value.IsEnum).Select(type => type.Key));

    /// <summary>Those with every shared type.</summary>
    static string[] Objects => ["lb_tc.bpf.o", "lb_tc_compat.bpf.o", "lb_xdp.bpf.o"];

    [Theory, MemberData(nameof(Structs))]
    public void A_struct_has_the_same_fields_at_the_same_places(string compiled, string name)
    {
        var c = Btf.OfEmbedded(compiled).Structs.Single(known => known.Name == name);
        var mirrored = Mirror.StructOf(Mirror.Types[name]);

        Assert.Equal(c.Members.Where(IsNoPadding), mirrored.Members.Where(IsNoPadding));
        Assert.Equal(c.Size, mirrored.Size);
    }

    [Theory, MemberData(nameof(Enums))]
    public void An_enum_has_the_same_names_for_the_same_values(string compiled, string name)
    {
        var c = Btf.OfEmbedded(compiled).Enums.Single(known => known.Name == name);
        var mirrored = Mirror.EnumOf(Mirror.Types[name], EnumPrefixes[name]);

        Assert.Equal(c.Values.Where(IsNoCount).OrderBy(value => value.Key),
            mirrored.Values.Where(IsNotNothing).OrderBy(value => value.Key));
        Assert.Equal(c.Size, mirrored.Size);
    }

    [Theory, InlineData("lb_tc.bpf.o"), InlineData("lb_tc_compat.bpf.o"), InlineData("lb_xdp.bpf.o")]
    public void Every_shared_type_has_a_mirror(string compiled)
    {
        var btf = Btf.OfEmbedded(compiled);
        var shared = btf.Structs.Select(known => known.Name).Concat(btf.Enums.Select(known => known.Name))
            .Where(name => name.StartsWith("lb_", StringComparison.Ordinal))
            .Except(NotShared);

        Assert.Equal(shared.Order(StringComparer.Ordinal), Mirror.Types.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_limits_are_the_maps_sizes()
    {
        using var lb = Balancer.On(Hook.Tc);

        Assert.Equal((uint)Capacity.Services, lb.Tables.Services.MaxEntries);
        Assert.Equal((uint)Capacity.Services, lb.Tables.ServiceTraffic.MaxEntries);
        Assert.Equal((uint)Capacity.Backends, lb.Tables.Backends.MaxEntries);
        Assert.Equal((uint)Capacity.Backends, lb.Tables.BackendTraffic.MaxEntries);
        Assert.Equal((uint)Capacity.Interfaces, lb.Tables.Links.MaxEntries);
        Assert.Equal((uint)Capacity.Sockets, lb.Tables.Sockets.MaxEntries);
        Assert.Equal((uint)(ReasonRanges.Length * ReasonRange), lb.Tables.Reasons.MaxEntries);
    }

    /// <summary>The datapath sends, passes or drops by the range of a reason.</summary>
    [Fact]
    public void A_reason_is_in_the_range_that_its_prefix_names() =>
        Assert.All(Enum.GetValues<LbReason>(), reason =>
            Assert.StartsWith(ReasonRanges[(int)reason / ReasonRange], $"{reason}", StringComparison.Ordinal));

    /// <summary>Padding is named alike but may be cut into pieces differently: C# has no arrays in structs.</summary>
    static bool IsNoPadding(BtfMember member) => !member.Name.StartsWith("zero", StringComparison.Ordinal);

    static bool IsNoCount(KeyValuePair<string, uint> value) => !value.Key.EndsWith("_COUNT", StringComparison.Ordinal);

    /// <summary>C has no name for "no flag set".</summary>
    static bool IsNotNothing(KeyValuePair<string, uint> value) =>
        !value.Key.EndsWith("_NONE", StringComparison.Ordinal);
}
