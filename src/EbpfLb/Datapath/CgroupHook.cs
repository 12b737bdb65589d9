namespace EbpfLb.Datapath;

/// <summary>A hook of a cgroup, for the socket program that is named after it.</summary>
/// <param name="Name">The program's name without its prefix; names the pin as well.</param>
/// <param name="Type"><c>BPF_CGROUP_*</c> (linux/bpf.h).</param>
sealed record CgroupHook(string Name, uint Type)
{
    /// <summary>Counts what is closed.</summary>
    public static readonly CgroupHook Release = new("sock_release", 34);

    /// <summary>The hook whose presence says that the cgroup's clients are balanced.</summary>
    public static readonly CgroupHook Connect = new("connect4", 10);

    /// <summary>In the order in which to attach: nothing is balanced before everything that belongs to it is there.</summary>
    public static readonly IReadOnlyList<CgroupHook> All =
    [
        Release, new("sock_ops", 3), new("getpeername4", 29), new("getpeername6", 30), new("recvmsg4", 19), new("recvmsg6", 20),
        new("sendmsg4", 14), new("sendmsg6", 15), new("connect6", 11), Connect,
    ];

    public string Program => $"lb_{Name}";
}
