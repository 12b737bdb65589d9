namespace EbpfLb.Native;

/// <summary>Turns native results into exceptions, one method for each convention.</summary>
static class Check
{
    /// <summary>A result of zero or more, or a negative errno.</summary>
    public static int NegativeErrno(int result, string operation) =>
        result >= 0 ? result : throw new NativeException(operation, -result);

    /// <summary>A pointer, or null with the thread's errno set.</summary>
    public static nint NullWithErrno(nint result, string operation) =>
        result != 0 ? result : throw new NativeException(operation, Marshal.GetLastPInvokeError());

    /// <summary>A result of zero or more, or -1 with the thread's errno set, as libc has it.</summary>
    public static int MinusOneWithErrno(int result, string operation) =>
        result >= 0 ? result : throw new NativeException(operation, Marshal.GetLastPInvokeError());
}
