using System.Globalization;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>How tests of random packets are repeated and prolonged.</summary>
static class Fuzzing
{
    /// <summary><c>EBPFLB_SEED</c>, which repeats a failed run; another one each time without it.</summary>
    public static int Seed() => Number("EBPFLB_SEED") ?? Random.Shared.Next();

    /// <summary>How many packets a test runs: <c>EBPFLB_FUZZ_PACKETS</c>, or as many as a suite has time for.</summary>
    public static int Packets(int usually) => Number("EBPFLB_FUZZ_PACKETS") ?? usually;

    static int? Number(string variable) => Environment.GetEnvironmentVariable(variable) is { } value
        ? int.Parse(value, CultureInfo.InvariantCulture)
        : null;
}
