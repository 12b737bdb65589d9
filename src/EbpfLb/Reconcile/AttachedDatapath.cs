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
    /// <param name="device">Where to attach.</param>
    /// <param name="fill">Fills the tables before the first packet meets them.</param>
    /// <exception cref="LoadBalancerException">It did not work; nothing is left behind.</exception>
    public static AttachedDatapath Attach(
        LoadBalancerConfiguration configuration, NetworkDevice device, Action<LbTables> fill)
    {
        var choice = HookChoice.For(configuration.Hook, device);
        while (true)
        {
            try
            {
                return Attach(choice, configuration, device, fill);
            }
            catch (NativeException fault) when (choice.OrElse is not null && Attacher.IsRefusal(fault))
            {
                choice = choice.OrElse;
            }
        }
    }

    public string ServiceName(uint id) =>
        _serviceNames.GetOrAdd(id, missing => Tables.ServiceLabels.TryGet(missing, out var label) ? label.ToString() : "?");

    /// <summary>Takes the programs off the interface and removes the pins; the tables can be read until disposal.</summary>
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
        HookChoice choice, LoadBalancerConfiguration configuration, NetworkDevice device, Action<LbTables> fill)
    {
        var datapath = Datapath.Load(choice.Hook, LocalPorts.Settings(configuration.Events), configuration.Flows);
        var attached = new AttachedDatapath(datapath, device.Name, choice);
        try
        {
            fill(datapath.Tables);
            datapath.Tables.Instance.Set(0, attached.Describe(device));
            Instance.PinTables(device.Name, datapath.Tables);
            var attachments = Attacher.Attach(datapath, choice.Hook, device);
            attached._attachments.AddRange(attachments.Select(named => named.Attachment));
            foreach (var (name, attachment) in attachments)
            {
                if (attachment is LinkAttachment link)
                    Instance.PinLink(device.Name, name, link);
            }
            return attached;
        }
        catch
        {
            attached.Dispose();
            throw;
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
