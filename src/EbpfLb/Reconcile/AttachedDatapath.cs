using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Hooks;
using EbpfLb.Instances;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>
/// A datapath that is loaded, filled, pinned and attached: on its own maps, or on those that an ended process left.
/// It goes on without its process until it is detached.
/// </summary>
sealed class AttachedDatapath : IDisposable
{
    readonly List<IAttachment> _attachments = [];
    readonly string _instance;
    readonly Datapath _datapath;
    readonly LbInstance _formerHead;

    AttachedDatapath(Datapath datapath, string instance, HookChoice choice, LbTables? former)
    {
        _datapath = datapath;
        _instance = instance;
        IsAdopted = former is not null;
        former?.Instance.TryGet(0, out _formerHead);
        Hook = choice.Hook;
        HookReason = choice.Why;
    }

    public HookKind Hook { get; }

    public string HookReason { get; }

    /// <summary>Has it taken over what an ended process left?</summary>
    public bool IsAdopted { get; }

    public LbTables Tables => _datapath.Tables;

    /// <summary>As <see cref="Datapath.TcRefusal"/>.</summary>
    public LoadException? TcRefusal => _datapath.TcRefusal;

    /// <param name="configuration">Says which hook is asked for, and which events.</param>
    /// <param name="devices">Where to attach: to all of them, or to none.</param>
    /// <param name="leftovers">Of ended processes: taken over, or removed once the programs are in the kernel.</param>
    /// <param name="fill">
    /// Fills the tables: new ones before the first packet meets them, others once every hook was granted.
    /// </param>
    /// <exception cref="LoadBalancerException">
    /// It did not work; nothing is left behind, but what an ended process left goes on as it did, unless it was to be replaced
    /// and its programs had made way by then.
    /// </exception>
    public static AttachedDatapath Attach(
        LoadBalancerConfiguration configuration, IReadOnlyList<NetworkDevice> devices, Leftovers leftovers,
        Action<LbTables> fill)
    {
        var choice = HookChoice.For(configuration.Hook, devices);
        while (true)
        {
            try
            {
                return Attach(choice, configuration, devices, leftovers, fill);
            }
            catch (NativeException error) when (choice.OrElse is not null && Changeover.IsRefusal(error))
            {
                choice = choice.OrElse;
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
        HookChoice choice, LoadBalancerConfiguration configuration, IReadOnlyList<NetworkDevice> devices, Leftovers leftovers,
        Action<LbTables> fill)
    {
        Datapath Load(HookKind hook) =>
            Datapath.Load(hook, LocalPorts.Settings(configuration.Events), configuration.Flows, leftovers.Tables);
        var datapath = Load(choice.Hook);
        leftovers.Clear(); // not before: what does not load costs nothing
        var attached = new AttachedDatapath(datapath, devices[0].Name, choice, leftovers.Tables);
        // Where clients ask comes last, and goes first: what they are told to expect must find its way back.
        Changeover[] changeovers = [.. devices.Reverse().Select(
            device => new Changeover(datapath, choice.Hook, device, new(attached._instance, device.Name), Load))];
        try
        {
            attached.Prepare(changeovers, devices[0], fill);
            foreach (var changeover in changeovers)
                attached._attachments.InsertRange(0, changeover.Finish());
            Instance.Withdraw(attached._instance, datapath.Tables, devices);
            return attached;
        }
        catch (Exception error)
        {
            attached.Rollback(changeovers, error);
            throw;
        }
    }

    /// <summary>
    /// Tables of an ended process are in use: they are written when nobody can refuse any more. Until then all go by what
    /// they hold, the new programs too, where these are attached already.
    /// </summary>
    void Prepare(Changeover[] changeovers, NetworkDevice first, Action<LbTables> fill)
    {
        if (!IsAdopted)
        {
            Fill();
            Instance.PinTables(_instance, Tables);
        }
        foreach (var changeover in changeovers)
            changeover.Begin();
        if (IsAdopted)
            Fill();

        void Fill()
        {
            fill(Tables);
            Tables.Instance.Set(0, CreateHead(first));
        }
    }

    /// <exception cref="LoadBalancerException">It could not be undone: tells of both errors.</exception>
    void Rollback(Changeover[] changeovers, Exception error)
    {
        var errors = changeovers.Reverse().SelectMany(changeover => changeover.Undoing()).Select(ErrorOf)
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
