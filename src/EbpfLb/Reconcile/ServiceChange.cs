using EbpfLb.Abi;

namespace EbpfLb.Reconcile;

/// <summary>The planned changes of a service.</summary>
/// <param name="Service">The value of its keys.</param>
/// <param name="RewritesKeys">True if it is new or its algorithm or mode changed: all keys are written.</param>
/// <param name="Slots">The new slot table; null to keep the current one.</param>
/// <param name="Backends">Changed backends with their new entries.</param>
sealed record ServiceChange(
    LbService Service, IReadOnlyList<LbServiceKey> Keys, bool RewritesKeys, uint[]? Slots,
    IReadOnlyList<(uint Id, LbBackend Next)> Backends);
