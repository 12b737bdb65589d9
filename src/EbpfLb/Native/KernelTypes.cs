namespace EbpfLb.Native;

/// <summary>The kernel's BTF.</summary>
static class KernelTypes
{
    /// <summary>True if the kernel was built with it.</summary>
    public static bool AreDescribed => File.Exists("/sys/kernel/btf/vmlinux");
}
