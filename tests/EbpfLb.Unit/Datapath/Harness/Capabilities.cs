using System.Globalization;
using System.Runtime.InteropServices;
using EbpfLb.Datapath;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>What this process may do (linux/capability.h).</summary>
static partial class Capabilities
{
    public const int NetAdmin = 12;
    const int SysAdmin = 21;
    const int Bpf = 39;

    static readonly ulong Effective = Read();

    /// <summary>Skips the test, naming what is missing, where programs or a network cannot be made.</summary>
    public static void RequireDatapath()
    {
        var missing = new List<string>();
        if (!Has(NetAdmin))
            missing.Add("CAP_NET_ADMIN (to load network programs)");
        if (!Has(Bpf) && !Has(SysAdmin))
            missing.Add("CAP_BPF (to run programs with BPF_PROG_TEST_RUN)");
        if (!Has(SysAdmin))
            missing.Add("CAP_SYS_ADMIN (to make a network namespace)");
        Assert.SkipUnless(missing.Count == 0, $"this process lacks {string.Join(" and ", missing)}");
    }

    /// <summary>Skips the test where the kernel does not let a program see how it knows a packet's checksum.</summary>
    public static void RequireTold() => Assert.SkipUnless(
        KernelNeed.BestTc == KernelNeed.Tc, "this kernel is older than 6.2 or does not describe its types (/sys/kernel/btf)");

    /// <summary>Runs something on this thread without one of the first 32 capabilities.</summary>
    public static void Without(int capability, Action action)
    {
        var header = new CapHeader { Version = 0x20080522 }; // _LINUX_CAPABILITY_VERSION_3
        var sets = new CapSets[2];
        Assert.Equal(0, capget(ref header, sets));
        var before = sets[0];
        sets[0].Effective &= ~(1u << capability);
        Assert.Equal(0, capset(ref header, sets));
        try
        {
            action();
        }
        finally
        {
            sets[0] = before;
            Assert.Equal(0, capset(ref header, sets));
        }
    }

    static bool Has(int capability) => (Effective >> capability & 1) != 0;

    static ulong Read()
    {
        const string field = "CapEff:";
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return ulong.Parse(line.AsSpan(field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    [LibraryImport("libc")]
    private static partial int capget(ref CapHeader header, [In, Out] CapSets[] sets);

    [LibraryImport("libc")]
    private static partial int capset(ref CapHeader header, CapSets[] sets);

    struct CapHeader
    {
        public uint Version;
        public int Thread; // 0 for the calling one
    }

    struct CapSets
    {
        public uint Effective;
        public uint Permitted;
        public uint Inheritable;
    }
}
