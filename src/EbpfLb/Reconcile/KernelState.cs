using EbpfLb.Abi;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>The contents of the maps at one moment, and their free ids.</summary>
sealed class KernelState
{
    readonly Dictionary<ServiceIdentity, uint> _serviceIds = [];
    readonly Dictionary<(uint Service, LbAddress Address, BigEndianPort Port), uint> _backendIds = [];
    readonly HashSet<uint> _usedServices = [];
    readonly Dictionary<uint, HashSet<LbServiceKey>> _keys = []; // by service
    readonly Dictionary<uint, List<uint>> _backends = []; // by service
    readonly uint _maxServices;
    readonly uint _maxBackends;
    uint _nextService;
    uint _nextBackend;

    readonly Dictionary<LbServiceKey, LbService> _services = [];
    readonly Dictionary<uint, LbBackend> _entries = [];

    KernelState(LbTables tables) => (_maxServices, _maxBackends) = (tables.ServiceLabels.MaxEntries, tables.Backends.MaxEntries);

    /// <summary>By endpoint.</summary>
    public IReadOnlyDictionary<LbServiceKey, LbService> Keys => _services;

    /// <summary>By id, including backends that no slot table names.</summary>
    public IReadOnlyDictionary<uint, LbBackend> Backends => _entries;

    /// <summary>By id. A service without any address yet is <see cref="AddressFamily.Unspecified"/>, never desired.</summary>
    public Dictionary<uint, ServiceIdentity> Services { get; } = [];

    /// <summary>The ids of each backend: of a tunnel's, one for each address family of clients.</summary>
    public ILookup<CheckedBackend, uint> BackendIds => Backends.Where(backend => Services.ContainsKey(backend.Value.Service)).ToLookup(
        backend => new CheckedBackend(Services[backend.Value.Service].Name, backend.Value.EndPoint), backend => backend.Key);

    /// <summary>The backends that are down.</summary>
    public IReadOnlySet<CheckedBackend> Down => BackendIds
        .Where(ids => ids.Any(id => Backends[id].State == LbBackendState.Down)).Select(ids => ids.Key).ToHashSet();

    public static KernelState Read(LbTables tables)
    {
        var state = new KernelState(tables);
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
            state.Set(key, service);
            families[service.Id] = key.Address.Family;
        }
        // In mode tunnel backends may be of the other family: a service with endpoints has theirs for certain.
        var removed = new List<(uint Id, string Name)>();
        tables.ServiceLabels.ForEach((in id, in label) =>
        {
            if (label.ToString() is not { Length: > 0 } name)
                return;
            if (state.KeysOf(id).Any())
                state.Add(id, new ServiceIdentity(name, families[id]));
            else
                removed.Add((id, name));
        });
        foreach (var (id, name) in removed)
        {
            var identity = new ServiceIdentity(name, families.GetValueOrDefault(id));
            state.Add(id, state.FindService(identity) == Limits.NoId ? identity : identity with { Family = AddressFamily.Unspecified });
        }
        return state;
    }

    public uint FindService(ServiceIdentity identity) => _serviceIds.GetValueOrDefault(identity, Limits.NoId);

    public void Rename(uint service, ServiceIdentity identity)
    {
        _serviceIds.Remove(Services[service]);
        Add(service, identity);
    }

    public IEnumerable<LbServiceKey> KeysOf(uint service) => _keys.GetValueOrDefault(service, []);

    public IEnumerable<(uint Id, LbBackend Backend)> BackendsOf(uint service) =>
        _backends.GetValueOrDefault(service, []).Select(id => (id, _entries[id]));

    /// <summary>Notes that an endpoint leads to a service.</summary>
    public void Set(LbServiceKey key, LbService service)
    {
        Remove(key);
        _services[key] = service;
        if (!_keys.TryGetValue(service.Id, out var keys))
            _keys[service.Id] = keys = [];
        keys.Add(key);
    }

    /// <summary>Notes that an endpoint leads nowhere.</summary>
    public void Remove(LbServiceKey key)
    {
        if (_services.Remove(key, out var former))
            _keys[former.Id].Remove(key);
    }

    /// <summary>Notes a backend's next entry; it stays its service's.</summary>
    public void Set(uint id, LbBackend backend) => _entries[id] = backend;

    /// <summary>Notes that an id is free.</summary>
    public void Free(uint id)
    {
        if (_entries.Remove(id, out var former))
            _backends[former.Service].Remove(id);
    }

    /// <summary>A removed service keeps its id until its last backend is removed. False if no id is free.</summary>
    public bool TryGetOrAddService(ServiceIdentity identity, out uint id, out bool isNew)
    {
        isNew = !_serviceIds.TryGetValue(identity, out id);
        if (!isNew)
            return true;
        while (_usedServices.Contains(_nextService))
            _nextService++;
        id = _nextService;
        if (id >= _maxServices)
            return false;
        Add(id, identity);
        return true;
    }

    /// <summary>A new backend has weight 0 until a slot table names it. False if no id is free.</summary>
    public bool TryGetOrAddBackend(uint service, BackendSnapshot backend, out uint id, out bool isNew)
    {
        var (address, port) = (LbAddress.From(backend.Address), BigEndianPort.From(backend.Port));
        isNew = !_backendIds.TryGetValue((service, address, port), out id);
        if (!isNew)
            return true;
        while (Backends.ContainsKey(_nextBackend))
            _nextBackend++;
        id = _nextBackend;
        if (id >= _maxBackends)
            return false;
        Add(id, new LbBackend
        {
            Address = address,
            Port = port,
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
        _entries[id] = backend;
        if (!_backends.TryGetValue(backend.Service, out var ids))
            _backends[backend.Service] = ids = [];
        ids.Add(id);
        _backendIds[(backend.Service, backend.Address, backend.Port)] = id;
    }
}
