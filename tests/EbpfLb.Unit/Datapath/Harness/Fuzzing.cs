using System.Globalization;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>How tests of random packets are repeated.</summary>
static class Fuzzing
{
    /// <summary><c>EBPFLB_SEED</c>, which repeats a failed run; another one each time without it.</summary>
    public static int Seed() => Environment.GetEnvironmentVariable("EBPFLB_SEED") is { } value
        ? int.Parse(value, CultureInfo.InvariantCulture)
        : Random.Shared.Next();
}
