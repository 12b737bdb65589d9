using EbpfLb.Commands;

namespace EbpfLb.Unit.Commands;

/// <summary>A shell that asks for completions gets the words that an option takes.</summary>
public sealed class CompletionOffersValues
{
    [Theory]
    [InlineData("run --hook ", "auto tc xdp-generic xdp-native")]
    [InlineData("run --hook xdp", "xdp-generic xdp-native")]
    [InlineData("run --mode ", "dsr nat tunnel")]
    [InlineData("run --encapsulation ", "gue ipip")]
    [InlineData("run --algorithm mag", "maglev")]
    [InlineData("run --events ", "flows off packets")]
    [InlineData("run --logs ", "json lines")]
    public void Of_an_option_with_a_few_words(string line, string words)
    {
        var root = CommandLine.Create((_, _, _, _) => Task.FromResult(0));

        var offered = root.Parse(line).GetCompletions(line.Length).Select(item => item.Label);

        Assert.Equal(words, string.Join(' ', offered.Order(StringComparer.Ordinal)));
    }
}
