using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>The loaded socket programs, which use the tables of the packet programs.</summary>
sealed class SocketPrograms : IDisposable
{
    /// <summary>The constant with the network namespace whose sockets are balanced (decision 0030).</summary>
    public const string Constants = ".rodata.sock";

    readonly Dictionary<CgroupHook, Fd> _programs;

    public SocketPrograms(BpfObject loaded) =>
        _programs = CgroupHook.All.ToDictionary(hook => hook, hook => loaded.Program(hook.Program));

    public Fd this[CgroupHook hook] => _programs[hook];

    public void Dispose()
    {
        foreach (var program in _programs.Values)
            program.Dispose();
    }
}
