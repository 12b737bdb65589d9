using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EbpfLb.Unit.Health;

/// <summary>A server on loopback that gives every connection the same answer, or none.</summary>
sealed class LoopbackServer : IAsyncDisposable
{
    readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    readonly ConcurrentBag<Socket> _kept = [];
    readonly string? _answer;
    readonly Task _serving;

    /// <param name="answer">Written after each request; null for a server that hangs.</param>
    /// <param name="address">In 127.0.0.0/8; 127.0.0.1 without.</param>
    public LoopbackServer(string? answer = null, IPAddress? address = null)
    {
        _answer = answer;
        _listener.Bind(new IPEndPoint(address ?? IPAddress.Loopback, 0));
        _listener.Listen(4096);
        _serving = Task.Run(ServeAsync);
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>The ports that were connected from.</summary>
    public ConcurrentQueue<ushort> Ports { get; } = [];

    /// <summary>What was asked for.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    async Task ServeAsync()
    {
        while (true)
        {
            var connection = await _listener.AcceptAsync();
            _kept.Add(connection);
            Ports.Enqueue((ushort)((IPEndPoint)connection.RemoteEndPoint!).Port);
            _ = ServeAsync(connection);
        }
    }

    async Task ServeAsync(Socket connection)
    {
        using (connection)
        {
            var buffer = new byte[4096];
            int read;
            while ((read = await connection.ReceiveAsync(buffer)) > 0)
            {
                Requests.Enqueue(Encoding.ASCII.GetString(buffer, 0, read));
                if (_answer is null)
                    continue;
                await connection.SendAsync(Encoding.ASCII.GetBytes(_answer));
                connection.Shutdown(SocketShutdown.Send);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (var connection in _kept)
            connection.Dispose();
        await _serving.ContinueWith(_ => { }, TaskScheduler.Default); // its listener is gone
    }
}
