namespace EbpfLb.Lab.Roles;

/// <summary>A container with network tools in a network namespace that is not its own: another's, or the engine's.</summary>
sealed class NetnsSidecar : Role
{
    const string PassProgram = "pass.bpf.o", DeafProgram = "deaf.bpf.o", FinalProgram = "deaf_final.bpf.o", TcxScript = "tcx.pl";

    string _holder = "";

    NetnsSidecar(LabNetwork network, string name, string place)
        : base(network, name, network.Container(network.Engine.Images.Client, name)
            .WithCreateParameterModifier(container =>
            {
                network.Engine.Privileges.GrantTo(container.HostConfig!);
                container.HostConfig!.NetworkMode = place;
            })
            .Build())
    {
    }

    /// <summary>In the network of another.</summary>
    public static NetnsSidecar At(LabNetwork network, Role other) =>
        new(network, $"{other.Name}-sidecar", $"container:{other.Id}");

    /// <summary>In the network where the engine keeps its end of every link.</summary>
    public static NetnsSidecar AtEngine(LabNetwork network, string name) => new(network, name, "host");

    /// <summary>Has the stack compute every checksum and cut every segment, instead of the interface.</summary>
    public Task SwitchOffloadsOffAsync() =>
        ShellAsync("ethtool --offload \"$1\" tx off tso off gso off", BalancerHost.Interface);

    /// <summary>Leaves both to the interface again.</summary>
    public Task SwitchOffloadsOnAsync() =>
        ShellAsync("ethtool --offload \"$1\" tx on tso on gso on", BalancerHost.Interface);

    /// <summary>Attaches a native XDP program that passes everything to the interface of this index.</summary>
    public async Task PassAllAsync(int index)
    {
        await PutAsync(PassProgram);
        await ShellAsync(
            """
            name=$(ip -oneline link show | sed -n "s/^$1: \([^@:]*\).*/\1/p")
            ip link set dev "$name" xdpdrv object "/$2" section xdp
            """, index, PassProgram);
    }

    /// <summary>Attaches a program to the generic XDP hook of an interface here, which has room for one only.</summary>
    public async Task OccupyAsync(string name)
    {
        await PutAsync(PassProgram);
        await ShellAsync("ip link set dev \"$1\" xdpgeneric object \"/$2\" section xdp", name, PassProgram);
    }

    /// <summary>Takes it off again.</summary>
    public Task FreeAsync(string name) => ShellAsync("ip link set dev \"$1\" xdpgeneric off", name);

    /// <summary>Attaches a tc program to an interface here that drops pings, and leaves all else to who comes next.</summary>
    public async Task DeafenAsync(string name)
    {
        await PutAsync(DeafProgram);
        await ShellAsync(
            """
            tc qdisc replace dev "$1" clsact && tc filter add dev "$1" ingress pref 7 bpf direct-action object-file "/$2" section tc
            """, name, DeafProgram);
    }

    /// <summary>Takes it off again, with its place where that is nobody else's.</summary>
    public Task HearAsync(string name) => ShellAsync(
        """
        tc filter del dev "$1" ingress pref 7 || exit
        [ -n "$(tc filter show dev "$1" ingress; tc filter show dev "$1" egress)" ] || tc qdisc del dev "$1" clsact
        """, name);

    /// <summary>Attaches a program that drops pings by a tcx link, behind those that are there.</summary>
    /// <param name="name">The interface.</param>
    /// <param name="verdict">What the program returns for all other packets.</param>
    public async Task DeafenByLinkAsync(string name, ForeignVerdict verdict)
    {
        var program = verdict == ForeignVerdict.Next ? DeafProgram : FinalProgram;
        await PutAsync(TcxScript);
        await PutAsync(program);
        _holder = (await ShellAsync("perl \"/$1\" \"/$2\" \"$3\"", TcxScript, program, name)).Trim();
    }

    /// <summary>Takes that off again.</summary>
    public Task HearByLinkAsync() => ShellAsync(
        """
        kill "$1"
        until ! state=$(cat "/proc/$1/stat" 2>/dev/null) || [ "${state#*) Z}" != "$state" ]; do sleep 0.02; done
        """, _holder);

    /// <summary>Writes an embedded file to the root directory. The engine would run a process of its own to unpack it.</summary>
    async Task PutAsync(string name)
    {
        using var resource = typeof(NetnsSidecar).Assembly.GetManifestResourceStream(name)!;
        using var content = new MemoryStream();
        resource.CopyTo(content);
        await ShellAsync("printf %s \"$1\" | base64 -d >\"/$2\"", Convert.ToBase64String(content.ToArray()), name);
    }

    private protected override Task<Addresses> FindAddressesAsync() => Task.FromResult(Addresses.None);
}
