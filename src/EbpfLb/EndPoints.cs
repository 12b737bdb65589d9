namespace EbpfLb;

/// <summary>Endpoints as users write them.</summary>
static class EndPoints
{
    /// <summary>Stands for every port.</summary>
    public const string AnyPort = "*";

    /// <param name="port">In host byte order; 0 is every port.</param>
    public static string FormatPort(ushort port) => port == 0 ? AnyPort : $"{port}";

    /// <summary>ADDRESS:PORT, an IPv6 address in brackets.</summary>
    public static string Format(IPAddress address, ushort port) =>
        $"{(address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address)}:{FormatPort(port)}";

    /// <summary><c>IPv4</c> or <c>IPv6</c>.</summary>
    public static string NameOf(AddressFamily family) => NamesOf(family).Own;

    /// <summary>The names of a family and of the other one.</summary>
    public static (string Own, string Other) NamesOf(AddressFamily family) =>
        family == AddressFamily.InterNetwork ? ("IPv4", "IPv6") : ("IPv6", "IPv4");
}
