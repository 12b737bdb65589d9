namespace EbpfLb.Lab.Engine;

/// <summary>
/// The process a lab belongs to, written on everything the lab starts, so that a later run can tell
/// what a crashed one left behind from what a concurrent one is using.
/// </summary>
/// <param name="Boot">The kernel's boot id: no process outlives it.</param>
/// <param name="Processes">The process namespace: a process id means nothing outside of it.</param>
/// <param name="Id">The process id.</param>
/// <param name="Started">When it started, in clock ticks after the boot: another process may get its id later.</param>
sealed record LabOwner(string Boot, string Processes, int Id, string Started)
{
    const int StartTime = 19; // field 22 of /proc/PID/stat, counted from the state, which follows the name

    public static LabOwner Self { get; } = Of(Environment.ProcessId);

    /// <summary>A process that runs now, in this process namespace.</summary>
    public static LabOwner Of(int process) => new(
        File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
        File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)!.Name,
        process,
        StartOf(process)!);

    /// <summary>Reads an owner back from its label; null where the text is none.</summary>
    public static LabOwner? Parse(string text) => text.Split('/') is [var boot, var processes, var id, var started]
        && int.TryParse(id, out var number)
            ? new LabOwner(boot, processes, number, started)
            : null;

    /// <summary>Whether the owner has certainly ended; that cannot be told in another process namespace.</summary>
    public bool IsGone => Boot != Self.Boot || (Processes == Self.Processes && StartOf(Id) != Started);

    public override string ToString() => $"{Boot}/{Processes}/{Id}/{Started}";

    static string? StartOf(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[StartTime];
        }
        catch (IOException)
        {
            return null; // there is no such process
        }
    }
}
