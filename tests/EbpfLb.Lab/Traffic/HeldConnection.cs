using System.Globalization;
using System.Net;
using System.Text;
using Docker.DotNet;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Traffic;

/// <summary>A connection that stays open between requests, until it is disposed: TCP, or a connected UDP socket.</summary>
public sealed class HeldConnection : IAsyncDisposable
{
    static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(10);
    static readonly TimeSpan LongestLife = TimeSpan.FromSeconds(40);

    readonly MultiplexedStream _stream;
    readonly IPEndPoint _client;
    readonly StringBuilder _received = new();

    HeldConnection(MultiplexedStream stream, IPEndPoint client) => (_stream, _client) = (stream, client);

    internal static Task<HeldConnection> OpenAsync(IDockerClient docker, Client client, Role server, int fromPort) =>
        OpenAsync(docker, client, fromPort, $"TCP:{server.Host}:80,sourceport={fromPort},reuseaddr,connect-timeout=5");

    /// <summary>Connects a UDP socket, and sends nothing.</summary>
    internal static Task<HeldConnection> OpenUdpAsync(IDockerClient docker, Client client, Role server, int port, int fromPort) =>
        OpenAsync(docker, client, fromPort, $"UDP:{server.Host}:{port},sourceport={fromPort}");

    static async Task<HeldConnection> OpenAsync(IDockerClient docker, Client client, int fromPort, string address)
    {
        var exec = await docker.Exec.CreateContainerExecAsync(client.Id, new()
        {
            AttachStdin = true,
            AttachStdout = true,
            AttachStderr = true,
            Cmd = client.Command("socat", "-", address),
        });
        var stream = await docker.Exec.StartContainerExecAsync(exec.ID, new());
        return new HeldConnection(stream, new IPEndPoint(client.Address, fromPort));
    }

    /// <summary>Asks for a path on this connection.</summary>
    public async Task<Answer> GetAsync(string path)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(LabContext.Current.CancellationToken);
        deadline.CancelAfter(LongestAnswer);
        var request = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: lab\r\n\r\n");
        await _stream.WriteAsync(request, 0, request.Length, deadline.Token);
        try
        {
            return Answer.Parse(await ReadAnswerAsync(deadline.Token), _client, isNewConnection: false);
        }
        catch (OperationCanceledException late) when (!LabContext.Current.CancellationToken.IsCancellationRequested)
        {
            throw new LabException(
                $"{_client} got no answer for {path} within {LongestAnswer}, only '{_received}'", late);
        }
    }

    /// <summary>Waits until it ends without the client's doing, and returns what the client says of it.</summary>
    public async Task<string> WaitForEndAsync()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(LabContext.Current.CancellationToken);
        deadline.CancelAfter(LongestLife);
        var buffer = new byte[4096];
        for (var said = ""; ;)
        {
            var read = await _stream.ReadOutputAsync(buffer, 0, buffer.Length, deadline.Token);
            if (read.EOF)
                return said;
            said += Encoding.ASCII.GetString(buffer, 0, read.Count);
        }
    }

    async Task<string> ReadAnswerAsync(CancellationToken deadline)
    {
        const string EndOfHead = "\r\n\r\n", Length = "Content-Length: ";
        await ReadUntilAsync(text => text.Contains(EndOfHead, StringComparison.Ordinal), deadline);
        var text = _received.ToString();
        var body = text.IndexOf(EndOfHead, StringComparison.Ordinal) + EndOfHead.Length;
        var length = text.IndexOf(Length, StringComparison.Ordinal) + Length.Length;
        var digits = text.AsSpan(length, text.IndexOf('\r', length) - length);
        var end = body + int.Parse(digits, CultureInfo.InvariantCulture);

        await ReadUntilAsync(text => text.Length >= end, deadline);
        var answer = _received.ToString(body, end - body);
        _received.Remove(0, end);
        return answer;
    }

    async Task ReadUntilAsync(Predicate<string> isEnough, CancellationToken deadline)
    {
        var buffer = new byte[4096];
        while (!isEnough(_received.ToString()))
        {
            var read = await _stream.ReadOutputAsync(buffer, 0, buffer.Length, deadline);
            var text = Encoding.ASCII.GetString(buffer, 0, read.Count);
            if (read.EOF || read.Target == MultiplexedStream.TargetStream.StandardError)
                throw new LabException($"The connection from {_client} ended: {text} after '{_received}'");
            _received.Append(text);
        }
    }

    /// <summary>Closes the connection.</summary>
    public ValueTask DisposeAsync()
    {
        _stream.Dispose();
        return ValueTask.CompletedTask;
    }
}
