using EbpfLb.Abi;
using EbpfLb.Bench.Report;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Bench.Packets;

/// <summary>
/// What a packet costs the processor, in nanoseconds, beyond a program that does nothing: the compiled programs run in
/// the kernel on packets that are written anew each time.
/// </summary>
static class PacketBench
{
    const int Many = 1 << 20;
    const int AFew = 1 << 13;
    const uint UsualRoom = 65536;

    public static IEnumerable<Measurement> Measure(bool quick, IProgress<string> progress)
    {
        var rounds = quick ? 3 : 15;
        foreach (var hook in Enum.GetValues<Hook>())
        foreach (var hosts in Hosts.OfEachFamily)
        {
            progress.Report($"packets on {Words(hook)} over {hosts}");
            using var bed = new TestBed(hook, hosts);
            var cases = bed.Cases().ToArray();
            var costs = cases.Select(_ => new List<double>()).ToArray();
            for (var round = 0; round <= rounds; round++)
            {
                for (var i = 0; i < cases.Length; i++)
                {
                    var cost = cases[i].Round();
                    if (round > 0) // the first one warms up
                        costs[i].Add(cost);
                }
            }
            for (var i = 0; i < cases.Length; i++)
                yield return new(cases[i].Measure, cases[i].Subject, "ns", MoreIsBetter: false, costs[i]);
        }
    }

    static string Words(Hook hook) => hook == Hook.Tc ? "tc" : "XDP";

    /// <summary>The cases of one hook and one IP version, with all that they need.</summary>
    sealed class TestBed(Hook hook, Hosts hosts) : IDisposable
    {
        readonly List<IDisposable> _parts = [];

        string Where => $"{Words(hook)} over {hosts}";

        public IEnumerable<PacketCase> Cases()
        {
            var usual = Load(UsualRoom);
            usual.Serve(services: 1, backends: 2, LbAlgorithm.RoundRobin);
            usual.Establish(AFew, backends: 2);
            var cost = $"A packet, {Where}";
            yield return Known(cost, "existing flow", usual, clients: 1);
            yield return Known(cost, "one of 8,192 flows", usual, AFew);
            yield return new(cost, "not ours", Enter(Tcp.Ack, usual, 1, port: 8080), usual, LbReason.PassNoService, Many);

            var opening = Load(UsualRoom);
            opening.Serve(services: 1, backends: 2, LbAlgorithm.RoundRobin);
            yield return Opens(cost, "new flow", opening);
            var evicting = Load(UsualRoom);
            evicting.Serve(services: 1, backends: 32, LbAlgorithm.RoundRobin);
            yield return Evicts(cost, "new flow that evicts another", evicting);

            foreach (var algorithm in Enum.GetValues<LbAlgorithm>())
            {
                var loaded = Load(UsualRoom);
                loaded.Serve(services: 1, backends: 2, algorithm);
                yield return Opens($"A new flow by algorithm, {Where}", algorithm.ToString(), loaded);
            }

            // An LRU map evicts before it is full.
            var large = Load(Many + (Many / 4));
            large.Serve(services: 1, backends: 64, LbAlgorithm.RoundRobin);
            large.Establish(Many, backends: 64);
            yield return Known($"Growth with flows, {Where}", "8,192 flows", usual, AFew);
            yield return Known($"Growth with flows, {Where}", "1,048,576 flows", large, Many);

            foreach (var (services, backends) in new[] { (1, 2), (1000, 2), (1, 1000) })
            {
                var loaded = Load(UsualRoom);
                loaded.Serve(services, backends, LbAlgorithm.RoundRobin);
                loaded.Establish(AFew, backends);
                yield return Known(
                    $"Growth with services and backends, {Where}", $"{services} services of {backends} backends", loaded, AFew);
            }
        }

        public void Dispose() => _parts.ForEach(part => part.Dispose());

        PacketCase Known(string measure, string subject, Loaded loaded, uint clients) =>
            new(measure, subject, Enter(Tcp.Ack, loaded, clients), loaded, LbReason.SentToBackend, Many);

        PacketCase Opens(string measure, string subject, Loaded loaded) =>
            new(measure, subject, Enter(Tcp.Syn, loaded, AFew), loaded, LbReason.SentToBackend, AFew, loaded.Forget);

        PacketCase Evicts(string measure, string subject, Loaded loaded) =>
            new(measure, subject, Enter(Tcp.Syn, loaded, Many), loaded, LbReason.SentToBackend, Many / 4);

        Loaded Load(uint maxFlows) => Keep(new Loaded(hook, hosts, Balancer.Usual, maxFlows));

        Entry Enter(Tcp flags, Loaded loaded, uint clients, int? port = null)
        {
            var first = EntryInput.FirstClient(hosts.Family);
            var to = port is { } other ? new(loaded.Service.Address, other) : loaded.Service;
            // As long as what the entry writes, and no shorter than a frame may be.
            return Keep(new Entry(hook, new TcpPacket(first, to, flags) { Payload = new byte[EntryInput.Head.Bytes] }, clients));
        }

        T Keep<T>(T part)
            where T : IDisposable
        {
            _parts.Add(part);
            return part;
        }
    }
}
