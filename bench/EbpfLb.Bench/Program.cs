using EbpfLb.Bench.Packets;

var progress = new Progress<string>(Console.Error.WriteLine);
foreach (var m in PacketBench.Measure(args.Contains("quick"), progress))
{
    var sorted = m.Rounds.Order().ToArray();
    Console.WriteLine($"{m.Measure,-60} {m.Subject,-34} min {sorted[0],6:0} median {sorted[sorted.Length / 2],6:0} max {sorted[^1],6:0}");
}
