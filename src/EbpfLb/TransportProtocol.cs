namespace EbpfLb;

/// <summary>The protocols that are balanced. The values are IANA protocol numbers.</summary>
enum TransportProtocol : byte { Tcp = 6, Udp = 17 }
