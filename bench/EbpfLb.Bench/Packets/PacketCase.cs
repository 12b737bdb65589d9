using EbpfLb.Abi;

namespace EbpfLb.Bench.Packets;

/// <summary>One kind of packet, given to the datapath in one state of its tables.</summary>
/// <param name="Measure">Which heading it is reported under.</param>
/// <param name="Subject">What the packet is, in words.</param>
/// <param name="Entry">What writes the packets.</param>
/// <param name="Loaded">What they are given to.</param>
/// <param name="Expected">The reason that each must be counted under.</param>
/// <param name="Times">How many packets a round has.</param>
/// <param name="Between">What puts the tables back into their state after a round.</param>
sealed record PacketCase(
    string Measure, string Subject, Entry Entry, Loaded Loaded, LbReason Expected, int Times, Action? Between = null)
{
    /// <summary>Measures one round.</summary>
    /// <returns>Nanoseconds for a packet, beyond what a stub takes.</returns>
    /// <exception cref="InvalidOperationException">The packets did not go where they were meant to.</exception>
    public double Round()
    {
        var before = Loaded.Counted(Expected);
        var cost = Entry.CostOf(Loaded.Program, Times);
        var counted = Loaded.Counted(Expected) - before;
        if (counted != (ulong)Times)
            throw new InvalidOperationException(
                $"{Measure}, {Subject}: of {Times} packets {counted} were counted as {Expected}; a cost of others says nothing");
        Between?.Invoke();
        return cost;
    }
}
