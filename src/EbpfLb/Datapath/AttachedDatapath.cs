using System.Runtime.ExceptionServices;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>
/// A datapath that is loaded, filled, pinned and attached, on new tables or on those of an ended process. It keeps
/// forwarding without its process until it is detached.
/// </summary>
sealed class AttachedDatapath : IDisposable
{
    readonly List<(int Ifindex, IAttachment Attachment)> _attachments = [];
    readonly string _instance;
    readonly LoadedDatapath _datapath;
    readonly AttachedCgroups _cgroups;
    readonly LbInstance _formerHead;
    readonly Lock _head = new(); // held to change the record in Tables.Instance

    AttachedDatapath(
        LoadedDatapath datapath, string instance, HookChoice choice, IReadOnlyList<string> cgroups, LbTables? former)
    {
        _datapath = datapath;
        _cgroups = new(instance, datapath.Sockets, cgroups);
        _instance = instance;
        IsAdopted = former is not null;
        former?.Instance.TryGet(0, out _formerHead);
        Choice = choice;
    }

    /// <summary>The hook, and why.</summary>
    public HookChoice Choice { get; }
    public bool IsAdopted { get; }

    public LbTables Tables => _datapath.Tables;

    /// <summary>As <see cref="LoadedDatapath.TcRefusal"/>.</summary>
    public LoadException? TcRefusal => _datapath.TcRefusal;

    /// <param name="devices">The interfaces: all of them are attached, or none.</param>
    /// <param name="stale">State of ended processes: adopted, or removed once the programs are loaded.</param>
    /// <param name="fill">Fills the tables: new ones before the first packet, adopted ones once every hook is granted.</param>
    /// <exception cref="LoadBalancerException">
    /// Nothing stays attached. An ended process's datapath keeps forwarding, unless it was to be replaced and had
    /// been removed already.
    /// </exception>
    public static AttachedDatapath Attach(
        LoadBalancerConfiguration configuration, IReadOnlyList<NetworkDevice> devices, StaleInstances stale,
        Action<LbTables> fill) =>
        HookChoice.Select(configuration.Hook, devices).Try(choice => Attach(choice, configuration, devices, stale, fill));

    /// <summary>What the tables have room for by the configuration.</summary>
    public static TableSizes SizesFor(LoadBalancerConfiguration configuration) =>
        new(configuration.Flows, configuration.MaxServices, configuration.MaxBackends);

    public string ServiceName(uint id) => Tables.ServiceLabels.TryGet(id, out var label) ? label.ToString() : "?";

    /// <summary>Attaches to an interface in place of one that is gone; the tables and their flows stay.</summary>
    /// <param name="device">The new one, whose address the tables have.</param>
    /// <exception cref="LoadBalancerException">The kernel refused a hook; nothing is attached to the new one.</exception>
    public void Reattach(NetworkDevice gone, NetworkDevice device, bool isFirst)
    {
        new LinkPins(_instance, gone.Name).RemoveAll();
        foreach (var held in _attachments.Where(held => held.Ifindex == gone.Index))
            held.Attachment.Dispose();
        _attachments.RemoveAll(held => held.Ifindex == gone.Index);
        // A new interface has no XDP program of another mode, which a rollback would have to load.
        var transaction = new AttachTransaction(
            _datapath, Choice.Hook, device, new(_instance, device.Name), _ => throw new InvalidOperationException("no mode to restore"));
        try
        {
            transaction.Prepare();
            Commit(transaction);
        }
        catch (Exception error)
        {
            RunAll(transaction.RollbackSteps(), error);
            throw;
        }
        if (isFirst)
            UpdateHead(head => head with { Ifindex = (uint)device.Index });
    }

    /// <summary>Writes when this process ends, for those who ask whether it is healthy.</summary>
    public void Withdraw(TimeSpan time) => UpdateHead(head => head with
    {
        WithdrawnNs = TimeProvider.System.MonotonicNs() + time.ToNs(),
    });

    /// <inheritdoc cref="AttachedCgroups.Update()"/>
    public int UpdateCgroups() => _cgroups.Update();

    public void Rename(string former, string name) => new LinkPins(_instance, former).Rename(name);

    /// <summary>Detaches the programs and removes the pins. The tables can be read until disposal.</summary>
    public void Detach()
    {
        var errors = RunEach([_cgroups.Detach, .. _attachments.Select(held => (Action)held.Attachment.Detach)]);
        _attachments.ForEach(held => held.Attachment.Dispose());
        _attachments.Clear();
        Instance.RemovePins(_instance);
        if (errors.Length > 0)
            ExceptionDispatchInfo.Throw(errors[0]);
    }

    /// <summary>Closes the descriptors. An attached datapath keeps forwarding.</summary>
    public void Dispose()
    {
        _attachments.ForEach(held => held.Attachment.Dispose());
        _cgroups.Dispose();
        _datapath.Dispose();
    }

    static AttachedDatapath Attach(
        HookChoice choice, LoadBalancerConfiguration configuration, IReadOnlyList<NetworkDevice> devices, StaleInstances stale,
        Action<LbTables> fill)
    {
        LoadedDatapath Load(HookKind hook) =>
            LoadedDatapath.Load(
                hook, DatapathSettings.Read(configuration.Events, configuration.EventsPerSecond), SizesFor(configuration),
                stale.Tables, withSockets: !configuration.Sockets.IsEmpty);
        var datapath = Load(choice.Hook);
        stale.Remove(); // not before the programs are loaded: a refused load changes nothing
        var attached = new AttachedDatapath(datapath, stale.Name, choice, configuration.Sockets, stale.Tables);
        // The client side attaches last and detaches first: replies to an accepted packet must be forwarded.
        AttachTransaction[] transactions = [.. devices.Reverse().Select(
            device => new AttachTransaction(datapath, choice.Hook, device, new(attached._instance, device.Name), Load))];
        try
        {
            attached.Prepare(transactions, devices[0], fill);
            foreach (var transaction in transactions)
                attached.Commit(transaction);
            attached._cgroups.Commit();
            Instance.DetachFromOthers(attached._instance, datapath.Tables, devices);
            return attached;
        }
        catch (Exception error)
        {
            attached.Rollback(transactions, error);
            throw;
        }
    }

    void Commit(AttachTransaction transaction) => _attachments.InsertRange(
        0, transaction.Commit().Select(attachment => (transaction.Ifindex, attachment)));

    /// <summary>Adopted tables are in use: they are written when no hook can be refused any more.</summary>
    void Prepare(AttachTransaction[] transactions, NetworkDevice first, Action<LbTables> fill)
    {
        if (!IsAdopted)
        {
            Fill();
            Instance.PinTables(_instance, Tables);
        }
        foreach (var transaction in transactions)
            transaction.Prepare();
        _cgroups.Prepare();
        if (IsAdopted)
            Fill();

        void Fill()
        {
            fill(Tables);
            Tables.Instance.Set(0, CreateHead(first));
        }
    }

    /// <exception cref="LoadBalancerException">The rollback failed as well; the message has both errors.</exception>
    void Rollback(AttachTransaction[] transactions, Exception error)
    {
        var steps = _cgroups.RollbackSteps().Concat(transactions.Reverse().SelectMany(transaction => transaction.RollbackSteps()))
            .Append(() =>
            {
                if (IsAdopted)
                    Tables.Instance.Set(0, _formerHead);
                else
                    Instance.RemovePins(_instance);
            })
            .Append(Dispose);
        RunAll(steps, error);
    }

    /// <exception cref="LoadBalancerException">A step failed; the message has all errors.</exception>
    static void RunAll(IEnumerable<Action> rollback, Exception error)
    {
        var errors = RunEach(rollback);
        if (errors.Length > 0)
        {
            throw new LoadBalancerException($"{error.Explain()} The rollback failed as well: "
                + string.Join(' ', errors.Select(another => another.Explain())), error);
        }
    }

    /// <summary>Runs each step, also after another failed. Returns the errors.</summary>
    static Exception[] RunEach(IEnumerable<Action> steps)
    {
        return [.. steps.Select(ErrorOf).OfType<Exception>()];

        static Exception? ErrorOf(Action step)
        {
            try
            {
                step();
                return null;
            }
            catch (Exception error) when (error is LoadBalancerException or IOException or UnauthorizedAccessException)
            {
                return error;
            }
        }
    }

    /// <summary>An interface may be attached again at the moment at which the process is asked to end.</summary>
    void UpdateHead(Func<LbInstance, LbInstance> update)
    {
        lock (_head)
        {
            if (Tables.Instance.TryGet(0, out var head))
                Tables.Instance.Set(0, update(head));
        }
    }

    LbInstance CreateHead(NetworkDevice device) => new()
    {
        AbiVersion = Limits.AbiVersion,
        Ifindex = (uint)device.Index,
        Hook = (uint)Choice.Hook,
        Pid = (uint)Environment.ProcessId,
        AttachedNs = IsAdopted ? _formerHead.AttachedNs : TimeProvider.System.MonotonicNs(),
        Layout = _datapath.Layout.Digest,
        Why = Choice.Reason,
    };
}
