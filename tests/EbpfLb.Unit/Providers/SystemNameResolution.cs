using System.Net;
using EbpfLb.Providers.Names;

namespace EbpfLb.Unit.Providers;

/// <summary>The real name service finds what the machine knows.</summary>
public sealed class SystemNameResolution
{
    [Fact]
    public async Task Finds_the_addresses_of_localhost()
    {
        var addresses = await new SystemNameResolver().ResolveAsync("localhost", TestContext.Current.CancellationToken);

        Assert.NotEmpty(addresses);
        Assert.All(addresses, address => Assert.True(IPAddress.IsLoopback(address)));
    }
}
