using System.Diagnostics;

namespace EbpfLb.Unit;

/// <summary>
/// Starts the processes of these tests. Between fork and exec a child has a copy of every descriptor of this process, also
/// of the sockets that lock an interface: such a lock outlives its release by that long.
/// </summary>
static class ChildProcess
{
    static readonly ReaderWriterLockSlim Forking = new();

    /// <summary>Starts a process; returns once it executes its own program.</summary>
    public static Process Start(ProcessStartInfo start)
    {
        var process = new Process { StartInfo = start };
        Start(process);
        return process;
    }

    /// <inheritdoc cref="Start(ProcessStartInfo)"/>
    public static void Start(Process process)
    {
        Forking.EnterReadLock();
        try
        {
            process.Start();
        }
        finally
        {
            Forking.ExitReadLock();
        }
    }

    /// <summary>Does something while no child is started: a child would inherit it.</summary>
    public static T WithoutChildren<T>(Func<T> action)
    {
        Forking.EnterWriteLock();
        try
        {
            return action();
        }
        finally
        {
            Forking.ExitWriteLock();
        }
    }

    /// <summary>Waits until no child has a copy of a descriptor that was closed before.</summary>
    public static void AwaitExec()
    {
        Forking.EnterWriteLock();
        Forking.ExitWriteLock();
    }
}
