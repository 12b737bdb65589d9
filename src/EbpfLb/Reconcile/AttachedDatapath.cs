using System.Collections.Concurrent;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Hooks;
using EbpfLb.Instances;
using EbpfLb.Native;
using EbpfLb.Tables;

namespace EbpfLb.Reconcile;

/// <summary>A datapath that is loaded, filled, pinned and attached; disposing of it undoes all of that.</summary>
sealed class AttachedDatapath : IDisposable
{
    readonly ConcurrentDictionary<uint, string> _serviceNames = new();
    readonly List<IAttachment> _attachments = [];
    readonly string _instance;
    readonly Datapath _datapath;

    AttachedDatapath(Datapath datapath, string instance, HookChoice choice)
    {
        _datapath = datapath;
        _instance = instance;
        Hook = choice.Hook;
        Why = choice.Why;
    }

    public HookKind Hook { get; }

    public string Why { get; }

    public LbTables Tables => _datapath.Tables;

    /// <param name="configuration">Says which hook is asked for, and which events.</param>
    /// <param name="devices">Where to attach: to all of them, or to none.</param>
    /// <param name="fill">Fills the tables before the first packet meets them.</param>
    /// <exception cref="LoadBalancerException">It did not work; nothing is left behind.</exception>
    public static AttachedDatapath Attach(
        LoadBalancerConfiguration configuration, IReadOnlyList<NetworkDevice> devices, Action<LbTables> fill)
    {
        var choice = HookChoice.For(configuration.Hook, devices);
        while (true)
        {
            try
            {
                return Attach(choice, configuration, devices, fill);
            }
            catch (NativeException fault) when (choice.OrElse is not null && Attacher.IsRefusal(fault))
            {
                choice = choice.OrElse;
            }
        }
    }

    public string ServiceName(uint id) =>
        _serviceNames.GetOrAdd(id, missing => Tables.ServiceLabels.TryGet(missing, out var label) ? label.ToString() : "?");

    /// <summary>Takes the programs off the interfaces and removes the pins; the tables can be read until disposal.</summary>
    public void Detach()
    {
        foreach (var attachment in _attachments)
        {
            attachment.Detach();
            attachment.Dispose();
        }
        _attachments.Clear();
        Instance.RemovePins(_instance);
    }

    public void Dispose()
    {
        try
        {
            Detach();
        }
        finally
        {
            _datapath.Dispose();
        }
    }

    static AttachedDatapath Attach(
        HookChoice choice, LoadBalancerConfiguration configuration, IReadOnlyList<NetworkDevice> devices, Action<LbTables> fill)
    {
        var datapath = Datapath.Load(choice.Hook, LocalPorts.Settings(configuration.Events), configuration.Flows);
        var attached = new AttachedDatapath(datapath, devices[0].Name, choice);
        try
        {
            fill(datapath.Tables);
            datapath.Tables.Instance.Set(0, attached.Describe(devices[0]));
            Instance.PinTables(attached._instance, datapath.Tables);
            // Where clients ask comes last, and goes first: what they are told to expect must find its way back.
            foreach (var device in devices.Reverse())
                attached.AttachTo(device);
            return attached;
        }
        catch
        {
            attached.Dispose();
            throw;
        }
    }

    void AttachTo(NetworkDevice device)
    {
        var attachments = Attacher.Attach(_datapath, Hook, device);
        _attachments.InsertRange(0, attachments.Select(named => named.Attachment));
        foreach (var (name, attachment) in attachments)
        {
            if (attachment is LinkAttachment link)
                Instance.PinLink(_instance, name, device, link);
        }
    }

    LbInstance Describe(NetworkDevice device) => new()
    {
        AbiVersion = Limits.AbiVersion,
        Ifindex = (uint)device.Index,
        Hook = (uint)Hook,
        Pid = (uint)Environment.ProcessId,
        AttachedNs = (ulong)TimeProvider.System.GetTimestamp(),
        Why = Why,
    };
}
