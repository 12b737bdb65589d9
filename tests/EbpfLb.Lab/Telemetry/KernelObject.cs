using System.Text.Json;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Telemetry;

/// <summary>A program, map or link in the kernel.</summary>
/// <param name="Kind">What bpftool calls its kind.</param>
/// <param name="Id">Its number, which the kernel gives once.</param>
sealed record KernelObject(string Kind, int Id)
{
    public const string Map = "map", Program = "prog", Link = "link";

    /// <summary>Reads an object from what bpftool tells of one in JSON.</summary>
    public static KernelObject Read(string kind, string told, string id = "id")
    {
        using var json = JsonDocument.Parse(told);
        return new KernelObject(kind, json.RootElement.GetProperty(id).GetInt32());
    }

    /// <summary>Which of the objects the kernel still has, or at least does not deny to have.</summary>
    public static async Task<IReadOnlyList<string>> StillThereAsync(
        BalancerHost host, IEnumerable<KernelObject> objects)
    {
        var found = await host.ShellAsync(
            """
            for object in $1; do
                bpftool --json "${object%/*}" show id "${object#*/}" | grep -q 'No such file or directory' ||
                    echo "$object"
            done
            """, string.Join(' ', objects));
        return found.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public override string ToString() => $"{Kind}/{Id}";
}
