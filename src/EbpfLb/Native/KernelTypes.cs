namespace EbpfLb.Native;

/// <summary>The kernel's description of its own types (BTF).</summary>
static class KernelTypes
{
    /// <summary>Whether it was built with one.</summary>
    public static bool AreDescribed => File.Exists("/sys/kernel/btf/vmlinux");
}
