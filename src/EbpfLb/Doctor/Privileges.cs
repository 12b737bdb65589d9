namespace EbpfLb.Doctor;

/// <summary>The privileges that loading and attaching programs need.</summary>
static class Privileges
{
    /// <summary>The names of capabilities that are missing. CAP_SYS_ADMIN stands for those on eBPF.</summary>
    /// <param name="held">A bit set by capability number.</param>
    public static string[] FindMissing(ulong held)
    {
        (Capability Capability, string Name)[] needed =
            [(Capability.NetAdmin, "CAP_NET_ADMIN"), (Capability.Bpf, "CAP_BPF"), (Capability.Perfmon, "CAP_PERFMON")];
        return
        [
            .. from one in needed
               where !Has(held, one.Capability) && (one.Capability == Capability.NetAdmin || !Has(held, Capability.SysAdmin))
               select one.Name,
        ];
    }

    public static bool Has(ulong held, Capability capability) => (held & (1UL << (int)capability)) != 0;
}
