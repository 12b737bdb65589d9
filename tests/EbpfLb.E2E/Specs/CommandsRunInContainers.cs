using EbpfLb.Lab;

namespace EbpfLb.E2E.Specs;

/// <summary>
/// The lab's own promise, on which all specs rely: a command's arguments, outputs and exit code are its own, though many
/// commands share a shell. No balancer takes part, so it is kept on one hook.
/// </summary>
[Collection<OverTc>]
public sealed class CommandsRunInContainers(TcLab lab) : Spec(lab)
{
    [Theory]
    [InlineData("it's \"quoted\" $HOME `id` \\n")]
    [InlineData("two\nlines, ümläut, 雪")]
    [InlineData("")]
    [InlineData("no\n\nend of line\n\n")]
    public async Task Arguments_and_output_arrive_as_they_are(string text)
    {
        var output = await Lab.Client.TryShellAsync("printf %s \"$1\"; printf %s \"$1\" >&2; exit 3", text);

        Assert.Equal((3, text, text), (output.ExitCode, output.Stdout, output.Stderr));
    }

    [Fact]
    public async Task A_large_output_arrives_whole()
    {
        const int bytes = 3_000_000;

        var output = await Lab.Client.ShellAsync("head --bytes=\"$1\" /dev/zero | tr '\\0' x", bytes);

        Assert.Equal(bytes, output.Count(letter => letter == 'x'));
        Assert.Equal(bytes, output.Length);
    }

    [Fact]
    public async Task What_a_command_changes_in_its_shell_ends_with_it()
    {
        await Lab.Client.TryShellAsync("cd /tmp; export LEFT=behind; exec >/dev/null 2>&1; kill $$");

        Assert.Equal("/ \n", await Lab.Client.ShellAsync("echo \"$PWD $LEFT\""));
    }

    [Fact]
    public async Task Concurrent_commands_get_their_own_output()
    {
        var numbers = Enumerable.Range(0, 30).ToList();

        var outputs = await Task.WhenAll(numbers.Select(number => Lab.Client.ShellAsync("sleep 0.1; echo \"$1\"", number)));

        Assert.Equal(numbers.Select(number => $"{number}\n"), outputs);
    }

    [Fact]
    public async Task A_command_that_is_not_there_fails()
    {
        var output = await Lab.Client.TryRunAsync("no-such-command");

        Assert.Equal(127, output.ExitCode);
        Assert.Contains("no-such-command", output.Stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_fails_when_its_container_is_killed()
    {
        await using var backend = await Lab.StartBackendAsync("killed");
        await backend.ShellAsync("true");
        var command = backend.ShellAsync("sleep 60");

        await backend.KillAsync();

        await Assert.ThrowsAsync<LabException>(() => command);
        await Assert.ThrowsAsync<LabException>(() => backend.ShellAsync("true"));
        Assert.Equal("goes on\n", await Lab.Client.ShellAsync("echo goes on"));
    }
}
