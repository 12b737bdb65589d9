using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Doctor;
using EbpfLb.Unit.Datapath.Cases;
using EbpfLb.Unit.Datapath.Harness;
using EbpfLb.Unit.Datapath.Packets;

namespace EbpfLb.Unit.Datapath;

/// <summary>
/// A kernel that does not tell how it knows a packet's checksum (before 6.2, or without a description of its types) gets
/// another tc program, which has the kernel's helpers mend all of them: nobody can tell the two apart by what leaves.
/// </summary>
public sealed class OlderKernels
{
    [Theory, OverEachIp]
    [Case(PacketCase.Offloads)]
    public void Both_programs_send_the_same_bytes(Hosts hosts)
    {
        using var newer = Serving(Balancer.OnLookingTc(), hosts);
        using var older = Serving(Balancer.OnCompatibleTc(), hosts);
        Packet[] packets =
        [
            Some.Syn(hosts),
            Some.Syn(hosts) with { Source = hosts.Bob.Port(40004), Checksum = L4Checksum.Wrong, Ttl = 2 },
            Some.Datagram(hosts),
            Some.Datagram(hosts) with { Source = hosts.Bob.Port(40002), Payload = Some.Bytes(1400), Ttl = 255 },
            Some.Datagram(hosts) with { Source = hosts.Bob.Port(40003), Checksum = L4Checksum.Wrong },
        ];

        foreach (var packet in packets)
        {
            var outcome = older.Receive(packet);
            Assert.Equal(newer.Receive(packet).Left, outcome.Left);
            Assert.Equal(newer.ReceiveSummedOnTc(packet).Left, older.ReceiveSummedOnTc(packet).Left);

            var flow = TestFlow.From(outcome);
            var answer = packet with { Source = flow.Backend, Destination = flow.Nat };
            Assert.Equal(newer.Receive(answer).Left, older.Receive(answer).Left);
        }
    }

    [Fact]
    [Case(PacketCase.UdpZeroChecksum)]
    public void A_datagram_without_a_checksum_stays_without()
    {
        using var lb = Serving(Balancer.OnCompatibleTc(), Hosts.Ip4);
        var packet = Some.Datagram(Hosts.Ip4) with { Checksum = L4Checksum.None };

        var outcome = lb.Receive(packet);

        outcome.LeavesAs(TestFlow.From(outcome).AtBackend(packet));
    }

    [Fact]
    public void A_kernel_that_refuses_the_faster_program_gets_the_compatible_one_and_why()
    {
        Capabilities.RequireDatapath();
        Capabilities.RequireTold();
        var garbled = Path.Combine(Directory.CreateTempSubdirectory().FullName, "vmlinux");
        File.WriteAllText(garbled, "what nobody reads as types");
        var machine = new NetworkNamespace();
        machine.MountPins();
        machine.Cover("/sys/kernel/btf/vmlinux", garbled);

        var refusal = machine.Run(() =>
        {
            using var datapath = LoadedDatapath.Load(HookKind.XdpGeneric, Balancer.Defaults, new(64));
            return datapath.TcRefusal!;
        });
        var tc = machine.Run(() => DoctorChecks.Run(HostProbe.Collect())).Findings.Single(finding => finding.Subject == "hook tc");

        Assert.StartsWith("loading the eBPF object lb_tc failed: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("libbpf: ", refusal.Log, StringComparison.Ordinal);
        Assert.Equal(EbpfLb.Doctor.Verdict.Warn, tc.Verdict);
        Assert.Contains(refusal.Message, tc.Observation, StringComparison.Ordinal);
        Directory.Delete(Path.GetDirectoryName(garbled)!, recursive: true);
    }

    static Balancer Serving(Balancer lb, Hosts hosts)
    {
        lb.ServeTcp(hosts.Web, hosts.BackendA.Port(8080));
        lb.ServeUdp(hosts.Web, hosts.BackendA.Port(8080));
        return lb;
    }
}
