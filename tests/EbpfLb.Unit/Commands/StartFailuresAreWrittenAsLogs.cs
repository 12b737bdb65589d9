using System.Text.Json;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Instances;

namespace EbpfLb.Unit.Commands;

/// <summary>Who reads logs as JSON reads why the process ended as JSON as well.</summary>
public sealed class StartFailuresAreWrittenAsLogs
{
    readonly Machine _machine;

    public StartFailuresAreWrittenAsLogs()
    {
        Capabilities.RequireDatapath();
        _machine = new();
    }

    [Fact]
    public void A_failed_start_is_one_JSON_object()
    {
        var (code, output, error) = _machine.Type("run --interface nowhere --listen :80 --backend 10.9.3.1 --logs json");

        Assert.Equal((1, ""), (code, output));
        using var entry = JsonDocument.Parse(Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal(("critical", "Ended"), (Value(entry, "level"), Value(entry, "event")));
        Assert.StartsWith("ebpf-lb ends: there is no network interface 'nowhere'.", Value(entry, "message"), StringComparison.Ordinal);
        Assert.False(entry.RootElement.TryGetProperty("exception", out _));
    }

    [Fact]
    public void An_invalid_configuration_is_one_JSON_object_for_each_error()
    {
        var (code, output, error) = _machine.Type("run --interface eth0 --listen :99999 --backend 10.9.3.1 --hook xdp --logs json");

        Assert.Equal((2, ""), (code, output));
        string[] messages = [.. error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => Value(JsonDocument.Parse(line), "message"))];
        Assert.Equal(
            [
                "the configuration is invalid: --hook: 'xdp' is not a valid hook. Use one of: auto, tc, xdp-native, xdp-generic.",
                "the configuration is invalid: --listen: ':99999' has no valid port. Use a port of 1 to 65535.",
            ],
            messages);
    }

    [Fact]
    public void With_lines_it_is_one_sentence()
    {
        var (code, _, error) = _machine.Type("run --interface nowhere --listen :80 --backend 10.9.3.1");

        Assert.Equal(1, code);
        Assert.StartsWith("error: there is no network interface 'nowhere'.", error, StringComparison.Ordinal);
    }

    static string Value(JsonDocument entry, string name) => entry.RootElement.GetProperty(name).GetString()!;
}
