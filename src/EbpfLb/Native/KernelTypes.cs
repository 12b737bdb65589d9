namespace EbpfLb.Native;

/// <summary>The kernel's BTF.</summary>
static class KernelTypes
{
    public const string Path = "/sys/kernel/btf/vmlinux";

    /// <summary>True if the kernel was built with it and this process sees it.</summary>
    public static bool AreDescribed => File.Exists(Path);
}
