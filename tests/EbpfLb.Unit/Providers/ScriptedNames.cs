using System.Net;
using System.Net.Sockets;
using EbpfLb.Providers.Names;

namespace EbpfLb.Unit.Providers;

/// <summary>A name service that gives each name its scripted answers in turn, the last one for ever.</summary>
sealed class ScriptedNames : INameResolver
{
    readonly Dictionary<string, (Func<CancellationToken, Task<IPAddress[]>>[] Answers, int Asked)> _scripts = [];

    public ScriptedNames Say(string host, params Func<CancellationToken, Task<IPAddress[]>>[] answers)
    {
        _scripts[host] = (answers, 0);
        return this;
    }

    public int Asked(string host)
    {
        lock (_scripts)
            return _scripts[host].Asked;
    }

    public static Func<CancellationToken, Task<IPAddress[]>> Addresses(params string[] addresses) =>
        _ => Task.FromResult(addresses.Select(IPAddress.Parse).ToArray());

    public static readonly Func<CancellationToken, Task<IPAddress[]>> Unknown =
        _ => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound));

    public static readonly Func<CancellationToken, Task<IPAddress[]>> NotNow =
        _ => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.TryAgain));

    public static readonly Func<CancellationToken, Task<IPAddress[]>> Silence = async cancellation =>
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
        return [];
    };

    public Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellation)
    {
        lock (_scripts)
        {
            var (answers, asked) = _scripts[host];
            _scripts[host] = (answers, asked + 1);
            return answers[Math.Min(asked, answers.Length - 1)](cancellation);
        }
    }
}
