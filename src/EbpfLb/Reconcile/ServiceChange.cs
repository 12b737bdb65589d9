using EbpfLb.Abi;

namespace EbpfLb.Reconcile;

/// <summary>What a pass is to change of a service.</summary>
/// <param name="Service">What its keys are to lead to.</param>
/// <param name="Keys">Where it is to listen.</param>
/// <param name="RewritesKeys">It is new, or chooses or forwards otherwise than before: all its keys are written.</param>
/// <param name="Slots">Its new slot table; null where the present one stays.</param>
/// <param name="Backends">Those that stand otherwise than before, with how they stand now.</param>
sealed record ServiceChange(
    LbService Service, IReadOnlyList<LbServiceKey> Keys, bool RewritesKeys, uint[]? Slots,
    IReadOnlyList<(uint Id, LbBackend Next)> Backends);
