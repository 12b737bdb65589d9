namespace EbpfLb.Abi;

/// <summary>Mirror of <c>struct lb_settings</c>: constants of the program, set before it is loaded. Host byte order.</summary>
record struct LbSettings
{
    /// <summary>The first of the clients' ports that SNAT keeps if they are free.</summary>
    public ushort NatPortMin;
    public ushort NatPortMax;

    /// <summary>The first of SNAT's other ports, which lie within those and which no local socket gets by itself.</summary>
    public ushort SubstitutePortMin;
    public ushort SubstitutePortMax;

    /// <summary>The first port of <c>ip_local_port_range</c>, which a service of any port leaves to the local stack.</summary>
    public ushort LocalPortMin;
    public ushort LocalPortMax;
    public LbEventLevel EventLevel;

    /// <summary>Events of each type per second; 0 for no limit.</summary>
    public uint EventsPerSecond;

    /// <summary>ICMP errors of the balancer's own that each processor may send in a second; 0 for no limit.</summary>
    public uint IcmpPerSecond;

    /// <summary>1 if FIB look-ups return the source address (Linux 6.7), else 0.</summary>
    public uint FibLookupSrc;

    /// <summary>The size of the table of SNAT ports that rest; set at the load.</summary>
    public uint RestingSets;
}
