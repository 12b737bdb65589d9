namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Named cases, each for every hook and for both IP versions or the one that it makes sense for.</summary>
sealed class CaseTable<T>
{
    /// <summary>Cases of both IP versions, made from either's hosts.</summary>
    public Dictionary<string, Func<Hosts, T>> Both { get; } = [];

    /// <summary>Cases of IPv4 alone.</summary>
    public Dictionary<string, T> Ip4 { get; } = [];

    /// <summary>Cases of IPv6 alone.</summary>
    public Dictionary<string, T> Ip6 { get; } = [];

    public IEnumerable<TheoryDataRow<Hook, Hosts, string>> Rows =>
        from hook in Enum.GetValues<Hook>()
        from hosts in Hosts.OfEachFamily
        from name in Both.Keys.Concat(Own(hosts).Keys)
        select new TheoryDataRow<Hook, Hosts, string>(hook, hosts, name);

    public T this[Hosts hosts, string name] =>
        Both.TryGetValue(name, out var make) ? make(hosts) : Own(hosts)[name];

    Dictionary<string, T> Own(Hosts hosts) => hosts == Hosts.Ip4 ? Ip4 : Ip6;
}
