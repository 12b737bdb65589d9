using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Tables;

namespace EbpfLb.Datapath;

/// <summary>
/// A datapath that is loaded, filled, pinned and attached: on its own maps, or on those that an ended process left.
/// It goes on without its process until it is detached.
/// </summary>
sealed class AttachedDatapath : IDisposable
{
    readonly List<IAttachment> _attachments = [];
    readonly string _instance;
    readonly LoadedDatapath _datapath;
    readonly LbInstance _formerHead;

    AttachedDatapath(LoadedDatapath datapath, string instance, HookChoice choice, LbTables? former)
    {
        _datapath = datapath;
        _instance = instance;
        IsAdopted = former is not null;
        former?.Instance.TryGet(0, out _formerHead);
        Hook = choice.Hook;
        HookReason = choice.Reason;
    }

    public HookKind Hook { get; }

    public string HookReason { get; }

    /// <summary>Has it taken over what an ended process left?</summary>
    public bool IsAdopted { get; }

    public LbTables Tables => _datapath.Tables;

    /// <summary>As <see cref="LoadedDatapath.TcRefusal"/>.</summary>
    public LoadException? TcRefusal => _datapath.TcRefusal;

    /// <param name="configuration">Says which hook is asked for, and which events.</param>
    /// <param name="devices">Where to attach: to all of them, or to none.</param>
    /// <param name="stale">Of ended processes: taken over, or removed once the programs are in the kernel.</param>
    /// <param name="fill">
    /// Fills the tables: new ones before the first packet meets them, others once every hook was granted.
    /// </param>
    /// <exception cref="LoadBalancerException">
    /// It did not work; nothing is left behind, but what an ended process left goes on as it did, unless it was to be replaced
    /// and its programs had made way by then.
    /// </exception>
    public static AttachedDatapath Attach(
        LoadBalancerConfiguration configuration, IReadOnlyList<NetworkDevice> devices, StaleInstances stale,
        Action<LbTables> fill)
    {
        var choice = HookChoice.Select(configuration.Hook, devices);
        while (true)
        {
            try
            {
                return Attach(choice, configuration, devices, stale, fill);
            }
            catch (NativeException error) when (choice.Fallback is not null && AttachTransaction.IsRefusedByDevice(error))
            {
                choice = choice.Fallback;
            }
        }
    }

    /// <summary>As it is at the moment: an id may become another service's.</summary>
    public string ServiceName(uint id) => Tables.ServiceLabels.TryGet(id, out var label) ? label.ToString() : "?";

    /// <summary>Takes the programs off the interfaces and removes the pins; the tables can be read until disposal.</summary>
    public void Detach()
    {
        NativeException? first = null;
        foreach (var attachment in _attachments)
        {
            try
            {
                attachment.Detach();
            }
            catch (NativeException error)
            {
                first ??= error; // the others are to go all the same
            }
            attachment.Dispose();
        }
        _attachments.Clear();
        Instance.RemovePins(_instance);
        if (first is not null)
            throw first;
    }

    /// <summary>Lets go of it; where it was not detached, it goes on.</summary>
    public void Dispose()
    {
        _attachments.ForEach(attachment => attachment.Dispose());
        _datapath.Dispose();
    }

    static AttachedDatapath Attach(
        HookChoice choice, LoadBalancerConfiguration configuration, IReadOnlyList<NetworkDevice> devices, StaleInstances stale,
        Action<LbTables> fill)
    {
        LoadedDatapath Load(HookKind hook) =>
            LoadedDatapath.Load(hook, DatapathSettings.Create(configuration.Events), configuration.Flows, stale.Tables);
        var datapath = Load(choice.Hook);
        stale.Remove(); // not before: what does not load costs nothing
        var attached = new AttachedDatapath(datapath, devices[0].Name, choice, stale.Tables);
        // Where clients ask comes last, and goes first: what they are told to expect must find its way back.
        AttachTransaction[] transactions = [.. devices.Reverse().Select(
            device => new AttachTransaction(datapath, choice.Hook, device, new(attached._instance, device.Name), Load))];
        try
        {
            attached.Prepare(transactions, devices[0], fill);
            foreach (var transaction in transactions)
                attached._attachments.InsertRange(0, transaction.Commit());
            Instance.DetachFromOthers(attached._instance, datapath.Tables, devices);
            return attached;
        }
        catch (Exception error)
        {
            attached.Rollback(transactions, error);
            throw;
        }
    }

    /// <summary>
    /// Tables of an ended process are in use: they are written when nobody can refuse any more. Until then all go by what
    /// they hold, the new programs too, where these are attached already.
    /// </summary>
    void Prepare(AttachTransaction[] transactions, NetworkDevice first, Action<LbTables> fill)
    {
        if (!IsAdopted)
        {
            Fill();
            Instance.PinTables(_instance, Tables);
        }
        foreach (var transaction in transactions)
            transaction.Prepare();
        if (IsAdopted)
            Fill();

        void Fill()
        {
            fill(Tables);
            Tables.Instance.Set(0, CreateHead(first));
        }
    }

    /// <exception cref="LoadBalancerException">It could not be undone: tells of both errors.</exception>
    void Rollback(AttachTransaction[] transactions, Exception error)
    {
        var errors = transactions.Reverse().SelectMany(transaction => transaction.RollbackSteps()).Select(ErrorOf)
            .Append(ErrorOf(() =>
            {
                if (IsAdopted)
                    Tables.Instance.Set(0, _formerHead);
                else
                    Instance.RemovePins(_instance);
            }))
            .OfType<Exception>().ToArray();
        Dispose();
        if (errors.Length > 0)
        {
            throw new LoadBalancerException($"{error.Message} What was attached before could not be put back as it was either: "
                + string.Join(' ', errors.Select(another => another.Message)), error);
        }

        // What cannot be put back on one interface keeps no other from being put back.
        static Exception? ErrorOf(Action undo)
        {
            try
            {
                undo();
                return null;
            }
            catch (Exception another) when (another is LoadBalancerException or IOException or UnauthorizedAccessException)
            {
                return another;
            }
        }
    }

    LbInstance CreateHead(NetworkDevice device) => new()
    {
        AbiVersion = Limits.AbiVersion,
        Ifindex = (uint)device.Index,
        Hook = (uint)Hook,
        Pid = (uint)Environment.ProcessId,
        AttachedNs = IsAdopted ? _formerHead.AttachedNs : (ulong)TimeProvider.System.GetTimestamp(),
        Layout = _datapath.Layout.Digest,
        Why = HookReason,
    };
}
