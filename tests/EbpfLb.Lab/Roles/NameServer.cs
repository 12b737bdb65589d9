namespace EbpfLb.Lab.Roles;

/// <summary>A DNS server, over UDP and TCP, that tells its own name when asked who it is.</summary>
public sealed class NameServer : Role
{
    /// <summary>The name to ask for; its text record is the server's own name.</summary>
    public const string WhoAreYou = "who.lab";

    /// <param name="direct">Whether it is to share an address with a balancer.</param>
    internal NameServer(LabNetwork network, string name, bool direct = false)
        : base(network, name, network.Member(network.Engine.Images.Origin, name)
            .WithEntrypoint("dnsmasq", "--keep-in-foreground", "--user=root", "--log-facility=-",
                "--no-resolv", "--no-hosts", $"--txt-record={WhoAreYou},{name}")
            .SharingIf(direct)
            .Build())
    {
    }

    internal override async Task StartAsync()
    {
        await base.StartAsync();
        await Eventually.That($"{Name} listens for questions",
            async () => (await LogsAsync()).Stderr, log => log.Contains("started", StringComparison.Ordinal),
            TimeSpan.FromSeconds(10));
    }
}
