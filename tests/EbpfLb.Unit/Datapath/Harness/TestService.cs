using System.Net;

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>A service of the balancer under test, and its backends' ids.</summary>
sealed record TestService(uint Id, IPEndPoint At, byte Protocol, IReadOnlyDictionary<IPEndPoint, uint> Backends);
