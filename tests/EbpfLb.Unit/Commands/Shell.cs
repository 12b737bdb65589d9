using EbpfLb.Commands;
using EbpfLb.Configuration;

namespace EbpfLb.Unit.Commands;

/// <summary>Types command lines, in front of a load balancer that only notes what it is asked for.</summary>
sealed class Shell
{
    public LoadBalancerConfiguration? Ran { get; private set; }

    /// <summary>The file that this stands in.</summary>
    public string? File { get; private set; }

    /// <summary>What the load balancer does when it is run.</summary>
    public Func<CancellationToken, Task<int>> Balancing { get; init; } = _ => Task.FromResult(0);

    /// <summary>Where the user interrupts.</summary>
    public CancellationToken Interrupt { get; init; }

    public async Task<(int Code, string Output, string Error)> Type(string line)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var root = CommandLine.Create((configuration, file, _, token) =>
        {
            (Ran, File) = (configuration, file);
            return Balancing(token);
        });
        var code = await CommandLine.InvokeAsync(
            root, line.Split(' ', StringSplitOptions.RemoveEmptyEntries), output, error, Interrupt);
        return (code, output.ToString(), error.ToString());
    }
}
