using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Providers;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>What the maps hold at one moment, and the ids that are free in them.</summary>
sealed class KernelState
{
    readonly Dictionary<ServiceIdentity, uint> _serviceIds = [];
    readonly Dictionary<(uint Service, IPEndPoint EndPoint), uint> _backendIds = [];
    readonly HashSet<uint> _takenServices = [];
    uint _freeService;
    uint _freeBackend;

    /// <summary>Service ids and algorithms by where they listen.</summary>
    public Dictionary<LbServiceKey, LbService> Keys { get; } = [];

    /// <summary>Backends by id, those that no slot names any more included.</summary>
    public Dictionary<uint, LbBackend> Backends { get; } = [];

    /// <summary>
    /// The services, by id. The family is that of the addresses in use; a service whose making was cut short before it
    /// had any is <see cref="AddressFamily.Unspecified"/>, which nobody desires.
    /// </summary>
    public Dictionary<uint, ServiceIdentity> Services { get; } = [];

    public static KernelState Read(LbTables tables)
    {
        var state = new KernelState();
        var families = new Dictionary<uint, AddressFamily>();
        tables.Backends.ForEach((in id, in backend) =>
        {
            if (backend.IsFree)
                return;
            state.Add(id, backend);
            families[backend.Service] = backend.Address.Family;
        });
        foreach (var key in tables.Services.Keys())
        {
            if (!tables.Services.TryGet(key, out var service))
                continue;
            state.Keys[key] = service;
            families[service.Id] = key.Address.Family;
        }
        tables.ServiceLabels.ForEach((in id, in label) =>
        {
            if (label.ToString() is { Length: > 0 } name)
                state.Add(id, new ServiceIdentity(name, families.GetValueOrDefault(id)));
        });
        return state;
    }

    public uint FindService(ServiceIdentity identity) => _serviceIds.GetValueOrDefault(identity, Limits.NoId);

    public IEnumerable<LbServiceKey> KeysOf(uint service) =>
        Keys.Where(entry => entry.Value.Id == service).Select(entry => entry.Key);

    public IEnumerable<(uint Id, LbBackend Backend)> BackendsOf(uint service) =>
        Backends.Where(entry => entry.Value.Service == service).Select(entry => (entry.Key, entry.Value));

    /// <summary>A removed service's id stays taken until the last of its backends is released.</summary>
    public uint FindOrTakeService(ServiceIdentity identity, out bool isNew)
    {
        isNew = !_serviceIds.TryGetValue(identity, out var id);
        if (!isNew)
            return id;
        while (_takenServices.Contains(_freeService))
            _freeService++;
        if (_freeService >= Limits.MaxServices)
            throw new LoadBalancerException(
                $"there is no room for service '{identity.Name}': the tables hold {Limits.MaxServices}, "
                + "and one that listens on IPv4 and IPv6 counts twice.");
        Add(_freeService, identity);
        return _freeService;
    }

    /// <summary>A new backend starts with weight 0: it takes its turns once a slot table names it.</summary>
    public uint FindOrTakeBackend(uint service, BackendSnapshot backend, out bool isNew)
    {
        var endPoint = new IPEndPoint(backend.Address, backend.Port);
        isNew = !_backendIds.TryGetValue((service, endPoint), out var id);
        if (!isNew)
            return id;
        while (Backends.ContainsKey(_freeBackend))
            _freeBackend++;
        if (_freeBackend >= Limits.MaxBackends)
            throw new LoadBalancerException($"there is no room for backend {endPoint}: the tables hold {Limits.MaxBackends}.");
        Add(_freeBackend, new LbBackend
        {
            Address = LbAddress.From(backend.Address),
            Port = BigEndianPort.From(backend.Port),
            Service = service,
        });
        return _freeBackend;
    }

    void Add(uint id, ServiceIdentity identity)
    {
        Services[id] = identity;
        _serviceIds[identity] = id;
        _takenServices.Add(id);
    }

    void Add(uint id, LbBackend backend)
    {
        _takenServices.Add(backend.Service);
        Backends[id] = backend;
        _backendIds[(backend.Service, backend.EndPoint)] = id;
    }
}
