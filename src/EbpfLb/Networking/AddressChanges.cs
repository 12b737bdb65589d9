using System.Net.NetworkInformation;
using System.Threading.Channels;

namespace EbpfLb.Networking;

/// <summary>Reports that addresses were added to or removed from interfaces; several changes may be one report.</summary>
sealed class AddressChanges : IDisposable
{
    readonly Channel<bool> _changes = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public AddressChanges() => NetworkChange.NetworkAddressChanged += Add;

    /// <summary>Waits for the next change since the last wait, or since the start.</summary>
    public async Task WaitAsync(CancellationToken cancellation) => await _changes.Reader.ReadAsync(cancellation);

    public void Dispose() => NetworkChange.NetworkAddressChanged -= Add;

    void Add(object? sender, EventArgs change) => _changes.Writer.TryWrite(true);
}
