using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using EbpfLb.Datapath;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>
/// A network namespace that threads live in: what runs on them sees that network, and so do the processes they
/// start. It has no name and is gone with this process.
/// </summary>
sealed partial class NetworkNamespace
{
    const int CloneNewNet = 0x40000000;
    const int CloneNewNs = 0x20000;
    const int BeforeOthers = -10; // setpriority(2): a nice value, of the calling thread alone
    const uint Nobody = 65534;
    const uint OwnerAlone = 448; // 0700
    const nuint MountReadOnly = 1;
    const nuint MountRemount = 1 << 5;
    const nuint MountBind = 1 << 12;
    const nuint MountRecursive = 1 << 14;
    const nuint MountPrivate = 1 << 18;

    /// <summary>Where the thread lives.</summary>
    [ThreadStatic]
    static NetworkNamespace? _home;

    readonly BlockingCollection<Action> _work = [];

    /// <param name="threads">How many threads live in it: so many calls run side by side.</param>
    public NetworkNamespace(int threads = 1)
    {
        var entered = new TaskCompletionSource();
        new Thread(() => Live(entered, threads - 1)) { IsBackground = true, Name = "test network" }.Start();
        entered.Task.GetAwaiter().GetResult();
    }

    /// <summary>Runs it inside, as soon as a thread of it is free. Who is inside already need not wait.</summary>
    public T Run<T>(Func<T> inside)
    {
        if (_home == this)
            return inside();
        var result = new TaskCompletionSource<T>();
        _work.Add(() =>
        {
            try
            {
                result.SetResult(inside());
            }
            catch (Exception failure)
            {
                result.SetException(failure);
            }
        });
        return result.Task.GetAwaiter().GetResult();
    }

    /// <summary>
    /// Runs it inside, on a thread of its own: what else goes on inside goes on beside it. The thread goes before those of
    /// other cases: two that meet again and again would wait for the scheduler each time.
    /// </summary>
    public Task RunBeside(Action inside) => Run(() =>
    {
        var result = new TaskCompletionSource();
        // A thread is born where its parent lives.
        new Thread(() =>
        {
            _home = this;
            try
            {
                Require(setpriority(0, 0, BeforeOthers), "raising a thread's priority");
                inside();
                result.SetResult();
            }
            catch (Exception failure)
            {
                result.SetException(failure);
            }
        })
        { IsBackground = true, Name = "beside the test network" }.Start();
        return result.Task;
    });

    /// <summary>What iproute2 calls it, as long as it lives: the id of a thread inside.</summary>
    public string Id => Run(() => new FileInfo("/proc/thread-self").LinkTarget!.Split('/')[^1]);

    /// <summary>Has iproute2 carry out the lines, all or nothing but the first fault.</summary>
    public void Configure(params string[] lines) => Configure([], lines);

    /// <summary>As the other one, where a line alone does not tell the address family.</summary>
    public void Configure(AddressFamily family, params string[] lines) =>
        Configure([family == AddressFamily.InterNetwork ? "-4" : "-6"], lines);

    void Configure(string[] options, string[] lines) => Run(() =>
    {
        var start = new ProcessStartInfo("ip", [.. options, "-batch", "-"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        using var ip = ChildProcess.Start(start);
        ip.StandardInput.Write(string.Join('\n', lines) + '\n');
        ip.StandardInput.Close();
        var complaint = ip.StandardError.ReadToEnd();
        ip.WaitForExit();
        if (ip.ExitCode != 0)
            throw new InvalidOperationException($"`ip` refused to set up the test network: {complaint.Trim()}");
        return ip.ExitCode;
    });

    /// <summary>
    /// Leaves it for another, which keeps its bpf file system; nothing else lives in it then, and it ends. To be called inside.
    /// </summary>
    public static void MoveOn() => Require(unshare(CloneNewNet), "making a network namespace");

    /// <summary>Gives it a bpf file system of its own, empty, where every process looks for one.</summary>
    public void MountPins() => Run(() =>
    {
        Require(unshare(CloneNewNs), "making a mount namespace");
        Require(mount("none", "/", null, MountRecursive | MountPrivate, 0), "keeping mounts to oneself");
        Require(mount("bpf", BpfFs.Root, "bpf", 0, 0), "mounting a bpf file system");
        return true;
    });

    /// <summary>Puts an empty directory in a directory's place, for this network alone, which has <see cref="MountPins"/>.</summary>
    public void Hide(string path) => Run(() =>
    {
        Require(mount("none", path, "tmpfs", 0, 0), $"hiding {path}");
        return true;
    });

    /// <summary>Puts a file in a file's place, for this network alone, which has <see cref="MountPins"/>.</summary>
    public void Cover(string path, string with) => Run(() =>
    {
        Require(mount(with, path, null, MountBind, 0), $"covering {path}");
        return true;
    });

    /// <summary>Lets nobody write in its bpf file system, which it has by <see cref="MountPins"/>.</summary>
    public void ForbidPins() => Run(() =>
    {
        Require(mount("bpf", BpfFs.Root, null, MountRemount | MountReadOnly, 0), "forbidding to write pins");
        return true;
    });

    /// <summary>Makes files below a path read-only, for this network alone, which has <see cref="MountPins"/>.</summary>
    public void ForbidToWrite(string path) => Run(() =>
    {
        Require(mount(path, path, null, MountBind, 0), $"mounting {path} once more");
        Require(mount("none", path, null, MountBind | MountRemount | MountReadOnly, 0), $"forbidding to write below {path}");
        return true;
    });

    /// <summary>Gives its bpf file system, which it has by <see cref="MountPins"/>, to nobody, who lets nobody else in.</summary>
    public void GiveAwayPins() => Run(() =>
    {
        Require(chown(BpfFs.Root, Nobody, Nobody), "giving pins away");
        Require(chmod(BpfFs.Root, OwnerAlone), "letting nobody else in");
        return true;
    });

    static void Require(int result, string operation)
    {
        if (result != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), operation);
    }

    void Live(TaskCompletionSource entered, int others)
    {
        if (unshare(CloneNewNet) != 0)
        {
            entered.SetException(new Win32Exception(Marshal.GetLastPInvokeError(), "making a network namespace"));
            return;
        }
        // A thread is born where its parent lives.
        for (var i = 0; i < others; i++)
            new Thread(Work) { IsBackground = true, Name = "test network" }.Start();
        entered.SetResult();
        Work();
    }

    void Work()
    {
        _home = this;
        foreach (var action in _work.GetConsumingEnumerable())
            action();
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setpriority(int which, uint who, int priority);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int mount(string source, string target, string? type, nuint flags, nint data);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int chown(string path, uint owner, uint group);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int chmod(string path, uint mode);
}
