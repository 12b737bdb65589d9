using System.CommandLine;
using EbpfLb.Configuration;

namespace EbpfLb.Commands;

/// <summary>Options with parsed values.</summary>
static class Options
{
    static readonly TimeSpan MinInterval = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan MaxInterval = TimeSpan.FromHours(1);

    public static Option<bool> Json() => new("--json") { Description = "Print JSON, for scripts" };

    public static Option<TimeSpan?> Interval(string description) => Create("--interval", "TIME", description,
        text => Duration.TryParse(text) is { } time && time >= MinInterval && time <= MaxInterval ? time : (TimeSpan?)null,
        "is not an interval", "Use 100ms to 1h, written as 500ms, 2s or 1m");

    /// <param name="name">With its dashes.</param>
    /// <param name="helpName">Stands for the value in the help text.</param>
    /// <param name="description">One sentence for the help text.</param>
    /// <param name="read">Parses a value; null if it is invalid.</param>
    /// <param name="problem">What is wrong with an invalid value; continues the value as a sentence.</param>
    /// <param name="remedy">A sentence without the full stop.</param>
    public static Option<T> Create<T>(
        string name, string helpName, string description, Func<string, T> read, string problem, string remedy) => new(name)
        {
            Description = description,
            HelpName = helpName,
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                var value = read(text);
                if (value is null)
                    result.AddError($"{name}: '{text}' {problem}. {remedy}.");
                return value;
            },
        };
}
