using System.Text.Json;
using EbpfLb.Lab.Roles;

namespace EbpfLb.Lab.Traffic;

/// <summary>What became of every request of a load.</summary>
/// <param name="Answers">Those that came on connections of their own.</param>
/// <param name="AnswersOnKeptConnections">How many came on connections that were kept.</param>
/// <param name="KeptConnections">How many these were.</param>
/// <param name="Failures">A line for each request that got no answer, or not a backend's whole one.</param>
/// <param name="Lasting">How long there were new requests: from the first one until the load stopped.</param>
/// <param name="LongestPause">The longest time in which there was no request on a connection of its own.</param>
public sealed record Tally(
    IReadOnlyList<Answer> Answers, int AnswersOnKeptConnections, int KeptConnections, IReadOnlyList<string> Failures,
    TimeSpan Lasting, TimeSpan LongestPause)
{
    const string OnKept = "/kept/"; // begins the paths that are asked for there, one on each connection

    /// <summary>Requests in a second that make a load a constant one.</summary>
    const int Constant = 200;

    /// <summary>A longer pause could hide what a spec looks for, whatever is made up for later.</summary>
    static readonly TimeSpan LongestConstant = TimeSpan.FromSeconds(2);

    /// <summary>How many connections it took at least.</summary>
    public int Connections => Answers.Count + KeptConnections;

    public int Failed => Failures.Count;

    public int Requests => Answers.Count + AnswersOnKeptConnections + Failed;

    public double RequestsPerSecond => Requests / Lasting.TotalSeconds;

    /// <summary>The figures.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{Requests} requests in {Lasting.TotalSeconds:f1} s ({RequestsPerSecond:f0}/s, longest pause {LongestPause.TotalSeconds:f2} s), {Failed} failed");

    /// <summary>There were as many requests as a constant load has, and at all times.</summary>
    /// <exception cref="LabException">It was another load, which proves nothing.</exception>
    internal void WasConstant()
    {
        if (RequestsPerSecond < Constant || LongestPause > LongestConstant)
            throw new LabException(
                $"A constant load has at least {Constant} requests a second, and pauses for {LongestConstant.TotalSeconds} s at most; "
                + $"this one was another: {this}");
    }

    /// <summary>Reads how each request ended.</summary>
    /// <exception cref="LabException">It is not told of each.</exception>
    internal static async Task<Tally> ReadAsync(Client client, string place)
    {
        var lines = (await client.ShellAsync("cat \"$1/ends\"", place)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (!TryRead(lines, out var ends, out var whole))
        {
            var faults = await client.ShellAsync("cat \"$1/faults\"", place);
            throw new LabException(
                $"{client.Name}'s load does not tell how each request ended. Its last line of {lines.Length}: "
                + $"'{lines.LastOrDefault()}'. Its faults: {faults}");
        }

        var (answers, kept, failures) = (new List<Answer>(), 0, new List<string>());
        foreach (var end in ends)
        {
            if (end.Fault is not null || end.Status != 200)
                failures.Add($"{end.Path}: status {end.Status}, {end.Fault}");
            else if (!Answer.TryParse(end.Body!, Answer.EndPoint(end.Client!, $"{end.Port}"), isNewConnection: true, out var answer)
                || answer.Uri != end.Path)
                failures.Add($"{end.Path}: this is not a backend's complete answer to it: '{end.Body}'");
            else if (IsOnKept(end.Path))
                kept++;
            else
                answers.Add(answer);
        }
        var times = ends.Where(end => !IsOnKept(end.Path)).Select(end => end.At).Append(whole.Lasting).Order().ToList();
        var connections = ends.Select(end => end.Path).Where(IsOnKept).Distinct().Count();
        return new Tally(answers, kept, connections, failures, TimeSpan.FromSeconds(whole.Lasting),
            TimeSpan.FromSeconds(times.Zip(times.Skip(1), (former, next) => next - former).Max()));
    }

    static bool IsOnKept(string path) => path.StartsWith(OnKept, StringComparison.Ordinal);

    /// <summary>False where the last line is not the whole, or others than those that it counts stand before it.</summary>
    static bool TryRead(string[] lines, out List<End> ends, out Whole whole)
    {
        (ends, whole) = ([], new(0, 0));
        try
        {
            ends.AddRange(lines.SkipLast(1).Select(Read<End>));
            whole = lines.Length > 0 ? Read<Whole>(lines[^1]) : whole;
        }
        catch (JsonException)
        {
            return false;
        }
        return ends.Count > 0 && whole.Requests == ends.Count;
    }

    static T Read<T>(string line) => JsonSerializer.Deserialize<T>(line, JsonSerializerOptions.Web)!;

    /// <summary>How one request ended, and at which second of the load it was made.</summary>
    sealed record End(string Path, double At, string? Client, int Port, int Status, string? Body, string? Fault);

    /// <summary>What a load tells at its end.</summary>
    sealed record Whole(int Requests, double Lasting);
}
