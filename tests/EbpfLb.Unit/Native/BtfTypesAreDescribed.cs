using System.Diagnostics;
using EbpfLb.Native;

namespace EbpfLb.Unit.Native;

/// <summary>Whatever changes how a C type is read changes the words for it, and nothing else does.</summary>
public sealed class BtfTypesAreDescribed
{
    const string Defaults = "enum colour { RED, GREEN }; struct told { __u16 port; __be16 more[2]; enum colour colour; };";

    [Theory]
    [InlineData("enum colour { GREEN, RED }; struct told { __u16 port; __be16 more[2]; enum colour colour; };")]
    [InlineData("enum colour { RED, GREEN, BLUE }; struct told { __u16 port; __be16 more[2]; enum colour colour; };")]
    [InlineData("enum colour { RED, GREEN }; struct told { __be16 port; __be16 more[2]; enum colour colour; };")]
    [InlineData("enum colour { RED, GREEN }; struct told { __u16 more; __be16 port[2]; enum colour colour; };")]
    [InlineData("enum colour { RED, GREEN }; struct told { __u16 port; __be16 more[3]; enum colour colour; };")]
    [InlineData("enum colour { RED, GREEN }; struct told { enum colour colour; __u16 port; __be16 more[2]; };")]
    public void A_change_is_seen(string changed) => Assert.NotEqual(ShapeOf(Defaults), ShapeOf(changed));

    [Fact]
    public void Types_outside_the_map_are_not() => Assert.Equal(
        ShapeOf(Defaults), ShapeOf($"struct another {{ long long first; }}; const struct another here = {{ 1 }}; {Defaults}"));

    static string ShapeOf(string types)
    {
        var file = Path.GetTempFileName();
        try
        {
            Compile($"#include <linux/types.h>\n{types}\nstruct told value = {{ 1 }};\n", file);
            using var compiled = BpfObject.Open("told", File.ReadAllBytes(file));
            return compiled.ShapeOfType("told");
        }
        finally
        {
            File.Delete(file);
        }
    }

    static void Compile(string source, string to)
    {
        var include = Directory.GetDirectories("/usr/include", "*-linux-gnu").Single(path => Directory.Exists($"{path}/asm"));
        var start = new ProcessStartInfo(
            "clang", ["-g", "-O2", "--target=bpf", "-isystem", include, "-x", "c", "-c", "-", "-o", to])
        {
            RedirectStandardInput = true,
        };
        using var clang = ChildProcess.Start(start);
        clang.StandardInput.Write(source);
        clang.StandardInput.Close();
        clang.WaitForExit();
        Assert.Equal(0, clang.ExitCode);
    }
}
