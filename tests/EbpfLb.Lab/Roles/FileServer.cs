namespace EbpfLb.Lab.Roles;

/// <summary>A web server of large files.</summary>
public sealed class FileServer : Role
{
    /// <param name="direct">Whether it is to share an address with a balancer.</param>
    internal FileServer(LabNetwork network, string name, bool direct = false)
        : base(network, name, network.Member(network.Engine.Images.Origin, name).SharingIf(direct).Build())
    {
    }

    /// <summary>Makes a file of random bytes and serves it.</summary>
    public async Task<RemoteFile> CreateFileAsync(int megabytes)
    {
        var path = $"/files/{megabytes}-{Guid.NewGuid():N}";
        var sum = await ShellAsync(
            """
            file=/usr/share/nginx/html$1
            dd if=/dev/urandom of="$file" bs=1M count="$2" status=none && sha256sum <"$file"
            """, path, megabytes);
        return new RemoteFile(path, megabytes * 1024L * 1024L, sum.Split(' ')[0]);
    }

    /// <summary>Makes a file that has the same content on every server, and serves it.</summary>
    public async Task<RemoteFile> CreateCommonFileAsync(int megabytes)
    {
        var path = $"/files/{megabytes}-numbers";
        var sum = await ShellAsync(
            """
            file=/usr/share/nginx/html$1
            seq 1000000000 | head -c "$2M" >"$file" && sha256sum <"$file"
            """, path, megabytes);
        return new RemoteFile(path, megabytes * 1024L * 1024L, sum.Split(' ')[0]);
    }

    /// <summary>Stops serving a file.</summary>
    public Task RemoveFileAsync(RemoteFile file) => ShellAsync("rm \"/usr/share/nginx/html$1\"", file.Path);
}

/// <summary>A file that a server has, or that a client got from one.</summary>
/// <param name="Path">Its path in the URL.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its checksum in hexadecimal.</param>
public sealed record RemoteFile(string Path, long Bytes, string Sha256)
{
    public int Megabytes => (int)(Bytes >> 20);
}
