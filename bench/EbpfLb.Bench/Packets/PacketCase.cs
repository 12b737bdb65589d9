namespace EbpfLb.Bench.Packets;

/// <summary>One kind of packet, given to the datapath in one state of its tables.</summary>
/// <param name="Measure">Which heading it is reported under.</param>
/// <param name="Subject">What the packet is, in words.</param>
/// <param name="Round">Measures one round: nanoseconds for a packet, beyond what a program takes that does nothing.</param>
sealed record PacketCase(string Measure, string Subject, Func<double> Round);
