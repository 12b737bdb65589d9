using System.Globalization;
using EbpfLb.Unit.Datapath.Harness;

namespace EbpfLb.Bench.Packets;

/// <summary>How packets and states of the tables are called in the report.</summary>
static class Names
{
    public const int Many = 1 << 20;
    public const int AFew = 1 << 13;

    public const string Floor = "a program that does nothing";
    public const string Existing = "of an existing flow";
    public const string OneOfAFew = "of one of 8,192 flows";
    public const string NotOurs = "not ours";
    public const string NotOurAddress = "not ours, with a service's port";
    public const string New = "of a new flow";
    public const string LastOfHandshake = "that ends a handshake";
    public const string Evicting = "of a new flow that evicts another";

    /// <summary>How many services, of how many backends each.</summary>
    public static readonly (int Services, int Backends)[] Sizes = [(1, 2), (1000, 2), (1, 1000)];

    public static string Where(Hook hook, Hosts hosts) => $"on {(hook == Hook.Tc ? "tc" : "XDP")} over {hosts}";

    public static string Cost(string where) => $"A packet {where}";

    public static string InModeDsr(string where) => $"A packet in mode dsr, {where}";

    public static string ByAlgorithm(string where) => $"A new flow's packet by algorithm, {where}";

    public static string ByFlows(string where) => $"An existing flow's packet by flows, {where}";

    public static string BySize(string where) => $"An existing flow's packet by services and backends, {where}";

    /// <summary>As much as the flows of <see cref="Many"/> take: entries, buckets and what the kernel adds.</summary>
    public const int BytesOfMany = 560_000_000;

    public const string OneLoad = "one load from as much memory";

    public static string Flows(int count) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} flows");

    public static string Size(int services, int backends) => string.Create(
        CultureInfo.InvariantCulture, $"{services:N0} service{(services == 1 ? "" : "s")}, {backends:N0} backends each");
}
