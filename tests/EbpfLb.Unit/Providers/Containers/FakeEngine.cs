using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace EbpfLb.Unit.Providers.Containers;

/// <summary>A container engine on a socket of its own that speaks the few endpoints in use, or whatever else it is told to say.</summary>
sealed partial class FakeEngine : IAsyncDisposable
{
    public const string Network = "lab";

    readonly string _directory = Directory.CreateTempSubdirectory("ebpf-lb-engine-").FullName;
    readonly CancellationTokenSource _stop = new();
    readonly Lock _lock = new();
    readonly List<Socket> _listeners = [];
    readonly List<string> _asked = [];
    readonly Dictionary<string, FakeContainer> _containers = [];
    readonly Dictionary<string, string> _answers = [];
    readonly List<(DateTimeOffset At, string Words)> _past = [];
    readonly Dictionary<string, DateTimeOffset> _started = [];
    DateTimeOffset _now = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    FakeContainer? _next;
    Socket? _door;

    public FakeEngine() => Open();

    public string Path => System.IO.Path.Combine(_directory, "docker.sock");

    /// <summary>The questions so far, without what follows a question mark.</summary>
    public string[] Asked
    {
        get
        {
            lock (_lock)
                return [.. _asked];
        }
    }

    /// <summary>Waits until it was asked for a path so often.</summary>
    public Task IsAskedAsync(string path, int atLeast) => Eventually.That(
        $"the engine was asked {atLeast} times for {path}",
        () => Asked.Count(asked => asked.EndsWith(path, StringComparison.Ordinal)), times => times >= atLeast);

    /// <summary>Lets the next callers in.</summary>
    public void Open()
    {
        var door = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        door.Bind(new UnixDomainSocketEndPoint(Path));
        door.Listen();
        _door = door;
        _ = AcceptAsync(door);
    }

    /// <summary>Lets nobody in any more, and hangs up on those who listen.</summary>
    public void Close()
    {
        _door!.Dispose();
        File.Delete(Path);
        HangUp();
    }

    /// <summary>Breaks off all streams of events, in the middle of one.</summary>
    public void HangUp()
    {
        Send("{\"Type\":\"contai");
        lock (_lock)
        {
            foreach (var listener in _listeners)
                listener.Dispose();
            _listeners.Clear();
        }
    }

    /// <summary>From now on a path, as <c>/events</c>, is answered with these words, whatever they are.</summary>
    public void Answer(string path, string words)
    {
        lock (_lock)
            _answers[path] = words;
    }

    /// <summary>From now on a path is answered properly again.</summary>
    public void AnswerWell(string path)
    {
        lock (_lock)
            _answers.Remove(path);
    }

    /// <summary>Lists a container, instead of the one of the same name.</summary>
    public void Put(FakeContainer container)
    {
        lock (_lock)
            _containers[container.Name] = container;
    }

    /// <summary>Lists a container from the moment on that it has next been asked for a list.</summary>
    public void PutAfterNextListing(FakeContainer container)
    {
        lock (_lock)
            _next = container;
    }

    public void Remove(string name)
    {
        lock (_lock)
            _containers.Remove(name);
    }

    /// <summary>Lists a container as it is now, and tells all who listen what happened to it.</summary>
    public void Put(FakeContainer container, string action, params (string Name, string Value)[] attributes)
    {
        Put(container);
        Tell(container, action, attributes);
    }

    /// <summary>Reports what happened to a container to every listener, also to those who request past events.</summary>
    public void Tell(FakeContainer container, string action, params (string Name, string Value)[] attributes) =>
        Tell(container, action == "start" ? Start(container) : Tick(), action, attributes);

    /// <summary>As the other one, of what happened at another time.</summary>
    public void Tell(FakeContainer container, DateTimeOffset at, string action, params (string Name, string Value)[] attributes)
    {
        var happened = JsonSerializer.Serialize(new
        {
            Type = "container",
            Action = action,
            timeNano = (at - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick,
            Actor = new { ID = container.Id, Attributes = container.Labels.Concat(attributes.Select(one => KeyValuePair.Create(one.Name, one.Value))).ToDictionary() },
        });
        lock (_lock)
            _past.Add((at, happened));
        Send(happened + "\n");
    }

    /// <summary>Starts a container, and tells nobody.</summary>
    public DateTimeOffset Start(FakeContainer container)
    {
        lock (_lock)
            return _started[container.Id] = Tick();
    }

    /// <summary>Forgets what happened, as engines do that have other things to remember.</summary>
    public void ForgetThePast()
    {
        lock (_lock)
            _past.Clear();
    }

    /// <summary>Sends all who listen some words.</summary>
    public void Send(string words)
    {
        lock (_lock)
        {
            _listeners.RemoveAll(listener => !TrySend(listener, Chunk(words)));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _door!.Dispose();
        HangUp();
        Directory.Delete(_directory, recursive: true);
        _stop.Dispose();
    }

    async Task AcceptAsync(Socket door)
    {
        while (true)
        {
            Socket caller;
            try
            {
                caller = await door.AcceptAsync(_stop.Token);
            }
            catch (Exception closed) when (closed is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
            // Beside the next one: a client may connect, and ask on another connection that became free meanwhile.
            _ = ServeAsync(caller);
        }
    }

    async Task ServeAsync(Socket caller)
    {
        var request = new StringBuilder();
        var buffer = new byte[4096];
        while (!request.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            var count = await caller.ReceiveAsync(buffer);
            if (count == 0)
                return;
            request.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }
        var path = Uri.UnescapeDataString(request.ToString().Split(' ')[1]);
        var bare = path.Split('?')[0];
        lock (_lock)
        {
            _asked.Add(bare);
            if (_answers.FirstOrDefault(answer => bare.EndsWith(answer.Key, StringComparison.Ordinal)).Value is { } words)
                Reply(caller, words);
            else if (bare.EndsWith("/events", StringComparison.Ordinal))
            {
                caller.Send(Encoding.ASCII.GetBytes(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"));
                var since = Since().Match(path) is { Success: true } asked
                    ? DateTimeOffset.FromUnixTimeSeconds(long.Parse(asked.Groups[1].Value, CultureInfo.InvariantCulture))
                    : DateTimeOffset.MaxValue; // who asks for nothing past is told nothing past
                foreach (var (_, happened) in _past.Where(past => past.At >= since))
                    caller.Send(Chunk(happened + "\n"));
                _listeners.Add(caller);
            }
            else
                Reply(caller, AnswerTo(path, bare));
            if (_next is { } next && bare.EndsWith("/containers/json", StringComparison.Ordinal))
                (_containers[next.Name], _next) = (next, null);
        }
    }

    string AnswerTo(string path, string bare) => bare switch
    {
        "/version" => """{ "ApiVersion": "1.47", "MinAPIVersion": "1.24" }""",
        _ when bare.EndsWith("/containers/json", StringComparison.Ordinal) => JsonSerializer.Serialize(
            _containers.Values
                .Where(container => !path.Contains("\"health\"", StringComparison.Ordinal)
                    || path.Contains($"\"{container.Health}\"", StringComparison.Ordinal))
                .Select(container => container.ToListed())),
        _ => Describe(_containers.Values.Single(container => bare.Contains(container.Id, StringComparison.Ordinal))),
    };

    string Describe(FakeContainer container) => JsonSerializer.Serialize(new
    {
        Config = new { container.StopSignal },
        State = new { StartedAt = _started.GetValueOrDefault(container.Id, DateTimeOffset.UnixEpoch) },
    });

    /// <summary>Its clock goes from one thing that happens to the next.</summary>
    DateTimeOffset Tick()
    {
        lock (_lock)
            return _now += TimeSpan.FromSeconds(1);
    }

    /// <summary>A listener may have gone.</summary>
    static bool TrySend(Socket listener, byte[] bytes)
    {
        try
        {
            return listener.Send(bytes) == bytes.Length;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    static void Reply(Socket caller, string words)
    {
        var body = Encoding.UTF8.GetBytes(words);
        caller.Send(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {body.Length}\r\n\r\n"));
        caller.Send(body);
        caller.Dispose();
    }

    [GeneratedRegex("[?&]since=([0-9]+)")]
    private static partial Regex Since();

    static byte[] Chunk(string words)
    {
        var body = Encoding.UTF8.GetBytes(words);
        return [.. Encoding.ASCII.GetBytes($"{body.Length:x}\r\n"), .. body, .. "\r\n"u8];
    }
}
