using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>The contents of the maps at one moment, and their free ids.</summary>
sealed class KernelState
{
    readonly Dictionary<ServiceIdentity, uint> _serviceIds = [];
    readonly Dictionary<(uint Service, IPEndPoint EndPoint), uint> _backendIds = [];
    readonly HashSet<uint> _usedServices = [];
    uint _nextService;
    uint _nextBackend;

    /// <summary>By endpoint.</summary>
    public Dictionary<LbServiceKey, LbService> Keys { get; } = [];

    /// <summary>By id, including backends that no slot table names.</summary>
    public Dictionary<uint, LbBackend> Backends { get; } = [];

    /// <summary>
    /// By id. A service without any address yet has family <see cref="AddressFamily.Unspecified"/>, which is never
    /// desired.
    /// </summary>
    public Dictionary<uint, ServiceIdentity> Services { get; } = [];

    /// <summary>The backends that are down, by service name.</summary>
    public IReadOnlySet<CheckedBackend> Down => Backends.Values
        .Where(backend => backend.State == LbBackendState.Down && Services.ContainsKey(backend.Service))
        .Select(backend => new CheckedBackend(Services[backend.Service].Name, backend.EndPoint)).ToHashSet();

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

    public void Rename(uint service, ServiceIdentity identity)
    {
        _serviceIds.Remove(Services[service]);
        Add(service, identity);
    }

    public IEnumerable<LbServiceKey> KeysOf(uint service) =>
        Keys.Where(entry => entry.Value.Id == service).Select(entry => entry.Key);

    public IEnumerable<(uint Id, LbBackend Backend)> BackendsOf(uint service) =>
        Backends.Where(entry => entry.Value.Service == service).Select(entry => (entry.Key, entry.Value));

    /// <summary>A removed service keeps its id until its last backend is removed. False if no id is free.</summary>
    public bool TryGetOrAddService(ServiceIdentity identity, out uint id, out bool isNew)
    {
        isNew = !_serviceIds.TryGetValue(identity, out id);
        if (!isNew)
            return true;
        while (_usedServices.Contains(_nextService))
            _nextService++;
        id = _nextService;
        if (id >= Limits.MaxServices)
            return false;
        Add(id, identity);
        return true;
    }

    /// <summary>A new backend has weight 0 until a slot table names it. False if no id is free.</summary>
    public bool TryGetOrAddBackend(uint service, BackendSnapshot backend, out uint id, out bool isNew)
    {
        isNew = !_backendIds.TryGetValue((service, new(backend.Address, backend.Port)), out id);
        if (!isNew)
            return true;
        while (Backends.ContainsKey(_nextBackend))
            _nextBackend++;
        id = _nextBackend;
        if (id >= Limits.MaxBackends)
            return false;
        Add(id, new LbBackend
        {
            Address = LbAddress.From(backend.Address),
            Port = BigEndianPort.From(backend.Port),
            Service = service,
        });
        return true;
    }

    void Add(uint id, ServiceIdentity identity)
    {
        Services[id] = identity;
        _serviceIds[identity] = id;
        _usedServices.Add(id);
    }

    void Add(uint id, LbBackend backend)
    {
        _usedServices.Add(backend.Service);
        Backends[id] = backend;
        _backendIds[(backend.Service, backend.EndPoint)] = id;
    }
}
