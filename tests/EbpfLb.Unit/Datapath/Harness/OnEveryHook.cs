using System.Net.Sockets;
using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>
/// Runs a theory on each hook, its first argument, over each IP version, its second; <paramref name="rest"/> are the
/// others.
/// </summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
sealed class OnEveryHookAttribute(params object[] rest) : DataAttribute
{
    /// <summary>The one IP version that the theory makes sense for; by default both.</summary>
    public AddressFamily Only { get; init; }

    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(
        MethodInfo testMethod, DisposalTracker disposalTracker) => new(
        [
            .. from hook in Enum.GetValues<Hook>()
               from hosts in Hosts.OfEachFamily
               where Only is AddressFamily.Unspecified || Only == hosts.Family
               select new TheoryDataRow([hook, hosts, .. rest]),
        ]);

    public override bool SupportsDiscoveryEnumeration() => true;
}

/// <summary>
/// Runs a theory about one hook over each IP version, its first argument; <paramref name="rest"/> are the others.
/// </summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
sealed class OverEachIpAttribute(params object[] rest) : DataAttribute
{
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(
        MethodInfo testMethod, DisposalTracker disposalTracker) =>
        new([.. Hosts.OfEachFamily.Select(hosts => new TheoryDataRow([hosts, .. rest]))]);

    public override bool SupportsDiscoveryEnumeration() => true;
}
