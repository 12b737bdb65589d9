namespace EbpfLb.Native;

/// <summary>The namespace's abstract unix sockets, over netlink (linux/unix_diag.h; owners since kernel 5.3).</summary>
static class UnixSockets
{
    const int SockDiag = 4; // NETLINK_SOCK_DIAG
    const ushort ByFamily = 20; // SOCK_DIAG_BY_FAMILY
    const ushort Name = 0, Uid = 7; // UNIX_DIAG_NAME, UNIX_DIAG_UID
    const uint ShowName = 0x1, ShowUid = 0x40; // UDIAG_SHOW_NAME, UDIAG_SHOW_UID
    const int Body = 16; // struct unix_diag_msg
    const int RequestBody = 24; // struct unix_diag_req
    const string Bound = "/proc/thread-self/net/unix"; // it lists abstract names with a leading '@'

    /// <summary>
    /// The names that begin with a prefix, without the leading zero, and the user ids that made them: root's if the
    /// kernel has no unix_diag.
    /// </summary>
    public static IReadOnlyList<(string Name, uint Owner)> WithPrefix(string prefix)
    {
        try
        {
            return Query(prefix);
        }
        catch (NativeException error) when (error.Number == Errno.ENOENT)
        {
            return [.. from line in File.ReadLines(Bound)
                       let at = line.IndexOf(" @" + prefix, StringComparison.Ordinal)
                       where at >= 0
                       select (line[(at + 2)..], 0u)];
        }
    }

    static List<(string Name, uint Owner)> Query(string prefix)
    {
        using var netlink = new Netlink(SockDiag, "listing the unix sockets");
        var request = new byte[RequestBody];
        request[0] = 1; // AF_UNIX
        BitConverter.TryWriteBytes(request.AsSpan(4), uint.MaxValue); // every state
        BitConverter.TryWriteBytes(request.AsSpan(12), ShowName | ShowUid);
        var found = new List<(string, uint)>();
        netlink.Dump(ByFamily, request, socket =>
        {
            if (Read(socket[Body..]) is { } one && one.Name.StartsWith(prefix, StringComparison.Ordinal))
                found.Add(one);
        });
        return found;
    }

    /// <summary>From the attributes of a socket; null unless it has an abstract name.</summary>
    static (string Name, uint Owner)? Read(ReadOnlySpan<byte> attributes)
    {
        if (Netlink.FindAttribute(attributes, Name) is not [0, .. var name])
            return null;
        var owner = Netlink.FindAttribute(attributes, Uid);
        return (Encoding.UTF8.GetString(name), owner.IsEmpty ? uint.MaxValue : MemoryMarshal.Read<uint>(owner));
    }
}
