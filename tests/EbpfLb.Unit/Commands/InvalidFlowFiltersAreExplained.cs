namespace EbpfLb.Unit.Commands;

/// <summary>What <c>flows</c> is asked for is understood, or the fault and its remedy are told.</summary>
public sealed class InvalidFlowFiltersAreExplained
{
    [Theory]
    [InlineData("--client lan", "--client: 'lan' is neither an address nor a prefix. Write it as 10.0.0.7 or 10.0.0.0/8.")]
    [InlineData("--client 10.0.0.0/33", "'10.0.0.0/33' is neither an address nor a prefix")]
    [InlineData("--client 10.0.0.0/", "'10.0.0.0/' is neither an address nor a prefix")]
    [InlineData("--client 10.0.0.0/-1", "'10.0.0.0/-1' is neither an address nor a prefix")]
    [InlineData("--client ::/129", "'::/129' is neither an address nor a prefix")]
    [InlineData("--backend web:0", "'web:0' is not a backend. Write it as")]
    [InlineData("--backend 10::1::2", "'10::1::2' is not a backend. Write it as")]
    [InlineData("--limit 0", "'0' is not a number of flows. Use a whole number from 1 on.")]
    [InlineData("--limit many", "'many' is not a number of flows")]
    [InlineData("--sort size", "--sort: 'size' is not a sort order. Use one of: bytes, packets, age, idle.")]
    [InlineData("--service", "--service has no value. Write '--service NAME'.")]
    public async Task A_wrong_one_is_explained(string options, string explanation)
    {
        var (code, output, error) = await new Shell().Type($"flows {options}");

        Assert.Equal((2, ""), (code, output));
        Assert.Contains(explanation, error, StringComparison.Ordinal);
        Assert.EndsWith("See 'ebpf-lb flows --help'.\n", error, StringComparison.Ordinal);
    }
}
