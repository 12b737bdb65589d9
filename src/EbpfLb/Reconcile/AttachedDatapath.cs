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

    AttachedDatapath(Datapath datapath, string instance, HookChoice choice, bool isAdopted)
    {
        _datapath = datapath;
        _instance = instance;
        IsAdopted = isAdopted;
        Hook = choice.Hook;
        Why = choice.Why;
    }

    public HookKind Hook { get; }

    public string Why { get; }

    /// <summary>Has it taken over what an ended process left?</summary>
    public bool IsAdopted { get; }

    public LbTables Tables => _datapath.Tables;

    /// <param name="configuration">Says which hook is asked for, and which events.</param>
    /// <param name="devices">Where to attach: to all of them, or to none.</param>
    /// <param name="former">The pinned tables of an ended process, to be taken over; null to begin with new ones.</param>
    /// <param name="fill">Fills the tables before the first packet meets them, or them the new program.</param>
    /// <exception cref="LoadBalancerException">
    /// It did not work; nothing is left behind, but what an ended process left goes on as it did.
    /// </exception>
    public static AttachedDatapath Attach(
        LoadBalancerConfiguration configuration, IReadOnlyList<NetworkDevice> devices, LbTables? former,
        Action<LbTables> fill)
    {
        var choice = HookChoice.For(configuration.Hook, devices);
        while (true)
        {
            try
            {
                return Attach(choice, configuration, devices, former, fill);
            }
            catch (NativeException fault) when (choice.OrElse is not null && Attacher.IsRefusal(fault))
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
            catch (NativeException fault)
            {
                first ??= fault; // the others are to go all the same
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
        HookChoice choice, LoadBalancerConfiguration configuration, IReadOnlyList<NetworkDevice> devices, LbTables? former,
        Action<LbTables> fill)
    {
        var datapath = Datapath.Load(choice.Hook, LocalPorts.Settings(configuration.Events), configuration.Flows, former);
        var attached = new AttachedDatapath(datapath, devices[0].Name, choice, former is not null);
        var before = default(LbInstance);
        former?.Instance.TryGet(0, out before);
        try
        {
            fill(datapath.Tables);
            datapath.Tables.Instance.Set(0, attached.Describe(devices[0], before));
            if (former is null)
                Instance.PinTables(attached._instance, datapath.Tables);
            // Where clients ask comes last, and goes first: what they are told to expect must find its way back.
            foreach (var device in devices.Reverse())
                attached.AttachTo(device);
            Instance.Withdraw(attached._instance, datapath.Tables, devices);
            return attached;
        }
        catch
        {
            if (former is null)
                Instance.Clear(attached._instance);
            else
                former.Instance.Set(0, before);
            attached.Dispose();
            throw;
        }
    }

    void AttachTo(NetworkDevice device) =>
        _attachments.InsertRange(0, Attacher.Attach(_datapath, Hook, device, new(_instance, device.Name)));

    LbInstance Describe(NetworkDevice device, LbInstance before) => new()
    {
        AbiVersion = Limits.AbiVersion,
        Ifindex = (uint)device.Index,
        Hook = (uint)Hook,
        Pid = (uint)Environment.ProcessId,
        AttachedNs = IsAdopted ? before.AttachedNs : (ulong)TimeProvider.System.GetTimestamp(),
        Layout = _datapath.Layout.Digest,
        Why = Why,
    };
}
