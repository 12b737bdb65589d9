using CsCheck;
using EbpfLb.Abi;
using EbpfLb.Datapath;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Unit.Model;

/// <summary>
/// Whatever comes in whatever order, the programs do what the reference model does, which is written from the
/// documentation. <c>EBPFLB_SEED</c> repeats a failed run.
/// </summary>
[Collection(Lanes.Busy)]
public sealed class DatapathMatchesTheModel
{
    const int LongestCase = 300;

    /// <summary>Cases to find a smaller one among that fails as well.</summary>
    const int Shrinking = 3000;

    static readonly LbSettings ManyPorts = new()
    {
        NatPortMin = 1024,
        NatPortMax = 60999,
        SubstitutePortMin = 1024,
        SubstitutePortMax = 60999,
        LocalPortMin = 61000,
        LocalPortMax = 65535,
        EventLevel = LbEventLevel.Flows,
        FibLookupSrc = Balancer.Defaults.FibLookupSrc,
    };

    static readonly LbSettings FewPorts = ManyPorts with
    {
        NatPortMin = 40000,
        NatPortMax = 40004,
        SubstitutePortMin = 40000,
        SubstitutePortMax = 40004,
    };

    [Theory]
    [InlineData(Hook.Tc, "lb_tc"), InlineData(Hook.Tc, "lb_tc_compat")]
    [InlineData(Hook.Xdp, null)]
    public void Random_packets_have_the_models_outcomes(Hook hook, string? tcObject)
    {
        Capabilities.RequireDatapath();
        var which = new[] { KernelNeed.Tc, KernelNeed.TcCompat }.FirstOrDefault(known => known.Object == tcObject);
        if (which == KernelNeed.Tc)
            Capabilities.RequireTold();
        var seed = Fuzzing.Seed();
        var packets = SuiteSize.ModelPackets / 3;
        var network = new NetworkNamespace();
        network.Run(() =>
        {
            File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "1");
            File.WriteAllText("/proc/sys/net/ipv6/conf/all/forwarding", "1");
            return true;
        });
        network.Configure([.. World.Setup()]);
        TestContext.Current.TestOutputHelper?.WriteLine(network.Run(() => RunCases(hook, which, (ulong)seed, packets)));
    }

    static string RunCases(Hook hook, KernelNeed? tcObject, ulong seed, long packets)
    {
        using var many = Configured(hook, tcObject, ManyPorts);
        using var few = Configured(hook, tcObject, FewPorts);
        var cases = Step.Cases(LongestCase);
        var done = 0L;
        var random = new PCG(1, seed);
        var began = TimeProvider.System.GetTimestamp();

        void Run((bool FewPorts, Step[] Steps) one)
        {
            var subject = one.FewPorts ? few : many;
            subject.Empty();
            var both = new SideBySide(hook, subject);
            both.Run(one.Steps);
            done += both.Packets;
        }

        while (done < packets)
        {
            var repeats = random.ToString();
            try
            {
                Run(cases.Generate(random, null, out _));
            }
            catch (Disagreement first)
            {
                Assert.Fail($"EBPFLB_SEED={seed} on {hook} ({tcObject}), after {done} packets: {Shrink(cases, Run, repeats, first)}");
            }
        }
        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        return $"{hook} ({tcObject}): {done} packets agree, EBPFLB_SEED={seed}, {done / seconds:0} packets a second";
    }

    /// <summary>Tells the smallest case that can be found to disagree, and none of its steps can be left out.</summary>
    static string Shrink(
        Gen<(bool FewPorts, Step[] Steps)> cases, Action<(bool FewPorts, Step[] Steps)> run, string seed, Disagreement first)
    {
        (bool FewPorts, Step[] Steps) smallest = (false, []);
        string? why = null;

        bool Agree((bool FewPorts, Step[] Steps) one)
        {
            try
            {
                run(one);
                return true;
            }
            catch (Disagreement disagreement)
            {
                (smallest, why) = (one, disagreement.Message);
                return false;
            }
        }

        try
        {
            // Each case that it runs is smaller than the last one to fail.
            cases.Sample(Agree, seed: seed, iter: Shrinking, threads: 1);
        }
        catch (CsCheckException)
        {
            // The way to tell that there is one.
        }
        if (why is null)
            return $"{first.Message}\nIt did not happen again: it depends on more than the packets and their order.";
        for (var i = smallest.Steps.Length - 1; i >= 0; i--)
            Agree((smallest.FewPorts, [.. smallest.Steps[..i], .. smallest.Steps[(i + 1)..]]));
        return $"{why}\n{Print(smallest)}";
    }

    static string Print((bool FewPorts, Step[] Steps) one) =>
        $"{(one.FewPorts ? "few" : "many")} NAT ports\n"
        + string.Join('\n', one.Steps.Select((step, i) => $"{i}: {step}"));

    static Subject Configured(Hook hook, KernelNeed? tcObject, LbSettings settings)
    {
        var subject = new Subject(hook, tcObject, settings);
        subject.Configure();
        foreach (var service in World.All.SelectMany(world => world.Services))
            subject.Publish(service, SideBySide.SlotsOf(service));
        return subject;
    }
}
