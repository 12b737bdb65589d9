using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Networking;
using EbpfLb.Reconcile;

namespace EbpfLb.Hosting;

/// <summary>
/// The interfaces of a balancer, with their locks. Each is known by its index while it exists. When it is gone, it is
/// found again by its configured selector, or else by an address that it had: engines may give it another name. An
/// interface that is configured by its name is also replaced by an interface that was added since, in one of its
/// networks: engines may give it another address too.
/// </summary>
sealed partial class BalancedInterfaces : IDisposable
{
    static readonly TimeSpan RenameDelay = TimeSpan.FromSeconds(2);

    readonly LoadBalancerConfiguration _configuration;
    readonly TimeProvider _time;
    readonly ILogger _logger;
    readonly NetworkDevice[] _devices;
    readonly InterfaceSurroundings[] _surroundings; // of each, when it was last present
    readonly InstanceLock _held;
    readonly HashSet<int> _gone = []; // indexes of interfaces whose loss was logged
    readonly HashSet<int> _down = []; // indexes of interfaces that were logged as set down
    readonly Dictionary<int, (string Name, long Since)> _newNames = []; // by index, until they are followed
    long _lastPresent;

    /// <summary>Finds and locks them.</summary>
    /// <exception cref="LoadBalancerException">One does not exist, two are the same, or another process holds one.</exception>
    public BalancedInterfaces(LoadBalancerConfiguration configuration, TimeProvider time, ILogger<BalancedInterfaces> logger)
    {
        (_configuration, _time, _logger, _lastPresent) = (configuration, time, logger, time.GetTimestamp());
        _devices = [.. configuration.Interfaces.Select(NetworkDevice.Find)];
        if (_devices.GroupBy(device => device.Index).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new LoadBalancerException(
                $"interface '{twice.First().Name}' is configured twice: by its name, and by an address prefix or as the default route's. Name it once.");
        _surroundings = [.. _devices.Select(device => InterfaceSurroundings.None.Refresh(device.Name))];
        _held = InstanceLock.Acquire(Names);
    }

    /// <summary>As they were last found; services without an address listen on the first.</summary>
    public IReadOnlyList<NetworkDevice> Devices => _devices;

    public IReadOnlyList<string> Names => [.. _devices.Select(device => device.Name)];

    public bool IsAnyPresent => _devices.Any(device => device.IsPresent);

    /// <summary>Follows renamed interfaces, attaches to those that came back, and writes their addresses.</summary>
    /// <returns>The number of written entries.</returns>
    /// <exception cref="LoadBalancerException">One that came back could not be attached; the others are written.</exception>
    public int Update(AttachedDatapath attached)
    {
        try
        {
            var places = Enumerable.Range(0, _devices.Length);
            return BestEffort.Sum(places, place => Update(place, attached)) + BestEffort.Sum(places, place => ReplaceIfGone(place, attached));
        }
        finally
        {
            if (IsAnyPresent)
                _lastPresent = _time.GetTimestamp();
        }
    }

    /// <exception cref="LoadBalancerException">None of them has existed for the configured time.</exception>
    public void RejectAbsence()
    {
        var timeout = _configuration.InterfaceTimeout;
        if (!IsAnyPresent && _time.GetElapsedTime(_lastPresent) >= timeout)
            throw new LoadBalancerException(
                $"no interface ({string.Join(", ", _configuration.Interfaces)}) has existed for {Duration.Format(timeout)}: "
                + "no traffic is balanced. Create one, and start ebpf-lb again.");
    }

    public void Dispose() => _held.Dispose();

    int Update(int place, AttachedDatapath attached)
    {
        var device = _devices[place];
        if (Interfaces.NameOf(device.Index) is { } name)
        {
            if (name != device.Name && IsSettled(device.Index, name))
                Rename(place, name, attached);
            ReportIfDown(_devices[place]);
            _surroundings[place] = _surroundings[place].Refresh(name);
            return LinkReconciler.Apply(attached.Tables, [_devices[place]]);
        }
        if (_gone.Add(device.Index))
            LogGone(device);
        if ((Find(InterfaceSelector.TryResolve(_configuration.Interfaces[place])) ?? Find(NameByAddress(device, attached)))
            is not { } found)
            return 0;
        Reattach(place, found, attached);
        LogInterfaceReattached(found.Name);
        return 1;
    }

    void ReportIfDown(NetworkDevice device)
    {
        if (!Interfaces.IsDown(device.Name))
        {
            if (_down.Remove(device.Index))
                LogInterfaceUp(device.Name);
        }
        else if (_down.Add(device.Index))
        {
            LogInterfaceDown(device.Name);
        }
    }

    void LogGone(NetworkDevice device)
    {
        var left = string.Join(", ", _devices.Where(other => other.IsPresent).Select(other => other.Name));
        if (left.Length == 0)
            LogAllInterfacesGone(device.Name);
        else
            LogInterfaceGone(device.Name, left);
    }

    /// <summary>Engines rename an interface just before they take it away: a new name is followed once it has lasted.</summary>
    bool IsSettled(int index, string name)
    {
        if (_newNames.TryGetValue(index, out var seen) && seen.Name == name)
            return _time.GetElapsedTime(seen.Since) >= RenameDelay;
        _newNames[index] = (name, _time.GetTimestamp());
        return false;
    }

    void Rename(int place, string name, AttachedDatapath attached)
    {
        var former = _devices[place];
        _held.Add(name);
        attached.Rename(former.Name, name);
        _devices[place] = former with { Name = name };
        LogInterfaceRenamed(former.Name, name);
    }

    /// <summary>An interface without an address cannot be attached yet; another's cannot be attached twice.</summary>
    NetworkDevice? Find(string? name) =>
        name is not null && !NetworkDevice.AddressesOf(name).IsEmpty
        && NetworkDevice.Find(name) is var found && _devices.All(device => device.Index != found.Index) ? found : null;

    /// <summary>The interface that has an address of one that is gone; null if there is none.</summary>
    static string? NameByAddress(NetworkDevice gone, AttachedDatapath attached) =>
        attached.Tables.Links.TryGet((uint)gone.Index, out var link)
            ? InterfaceSelector.FindByAddress([link.Ip4.ToIPAddress(), link.Ip6.ToIPAddress()])
            : null;

    /// <summary>
    /// Attaches to the successor of an interface that is gone. Call it after Update() of all interfaces: a balanced
    /// interface that has returned is no successor of another.
    /// </summary>
    int ReplaceIfGone(int place, AttachedDatapath attached)
    {
        var gone = _devices[place];
        if (gone.IsPresent || !InterfaceSelector.IsName(_configuration.Interfaces[place]))
            return 0;
        if (_surroundings[place].FindSuccessors().Select(Find).FirstOrDefault(device => device?.IsEthernet == gone.IsEthernet)
            is not { } successor)
            return 0;
        Reattach(place, successor, attached);
        LogInterfaceReplaced(successor.Name, gone.Name);
        return 1;
    }

    /// <summary>The tables know the interface before its first packet.</summary>
    void Reattach(int place, NetworkDevice found, AttachedDatapath attached)
    {
        var gone = _devices[place];
        if (Names.All(name => name != found.Name))
            _held.Add(found.Name);
        var links = attached.Tables.Links;
        var isKnown = links.TryGet((uint)gone.Index, out var former);
        links.Remove((uint)gone.Index);
        try
        {
            LinkReconciler.Apply(attached.Tables, [found]);
            attached.Reattach(gone, found, isFirst: place == 0);
        }
        catch (LoadBalancerException)
        {
            links.Remove((uint)found.Index);
            if (isKnown)
                links.Set((uint)gone.Index, former);
            throw;
        }
        _gone.Remove(gone.Index);
        _devices[place] = found;
    }

    [LoggerMessage(LogLevel.Error, "interface {Device} is gone: no traffic is balanced")]
    partial void LogAllInterfacesGone(string device);

    [LoggerMessage(LogLevel.Error, "interface {Device} is gone: backends behind it are unreachable. Balancing continues on {Left}.")]
    partial void LogInterfaceGone(string device, string left);

    [LoggerMessage(LogLevel.Error, "interface {Device} is down: no traffic is balanced there. Run `ip link set {Device} up`.")]
    partial void LogInterfaceDown(string device);

    [LoggerMessage(LogLevel.Information, "interface {Device} is up again")]
    partial void LogInterfaceUp(string device);

    [LoggerMessage(LogLevel.Information, "interface {Device} is back and attached")]
    partial void LogInterfaceReattached(string device);

    [LoggerMessage(LogLevel.Warning, "interface {Device} takes the place of {Gone}: it came since, and is in the same network. "
        + "A selector by address prefix finds an interface under any name.")]
    partial void LogInterfaceReplaced(string device, string gone);

    [LoggerMessage(LogLevel.Information, "interface {Former} is now {Name}; balancing continues")]
    partial void LogInterfaceRenamed(string former, string name);
}
