using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EbpfLb.Abi;
using EbpfLb.Configuration;
using EbpfLb.Datapath;
using EbpfLb.Native;
using EbpfLb.Networking;
using EbpfLb.Reconcile;
using EbpfLb.Tables;
using EbpfLb.Unit.Configuration;
using EbpfLb.Unit.Datapath.Harness;
using Microsoft.Extensions.Logging.Abstractions;

namespace EbpfLb.Unit.Instances;

/// <summary>A machine with two interfaces and pins of its own, on which runners come and go.</summary>
sealed class Machine
{
    public const string Interface = "eth0.7"; // a name with a dot, which no pin may have

    public const string OtherInterface = "back";

    public static readonly LoadBalancerConfiguration Defaults = Configured("tc");

    static readonly BackendSnapshot A = new(IPAddress.Parse("10.9.0.11"), 80, 1, "a");
    static readonly BackendSnapshot B = new(IPAddress.Parse("10.9.0.12"), 80, 1, "b");

    /// <summary>The file of the executable.</summary>
    public static readonly string Program = Path.Combine(AppContext.BaseDirectory, "ebpf-lb");

    static int _lastIndex = 100_000;

    readonly NetworkNamespace _namespace = new();

    public Machine()
    {
        _namespace.MountPins();
        Plug();
    }

    public static string Pins => Instance.Directory(Interface);

    /// <summary>With room for fewer services and backends than by default: most of a start goes into large tables.</summary>
    public static LoadBalancerConfiguration Configured(string hook, string flows = "1024") =>
        Given.GoodFlagsBut(Interface, hook, flows: flows).Configuration! with { MaxServices = 1024, MaxBackends = 4096 };

    public T Inside<T>(Func<T> action) => _namespace.Run(action);

    public void Inside(Action action) => Inside(() =>
    {
        action();
        return true;
    });

    /// <summary>
    /// Plugs the interfaces in, which are the two ends of one cable. Each has an index of its own, which no interface of
    /// the host has: a control loop that a test runs outside of the namespace must find nothing under it.
    /// </summary>
    public void Plug()
    {
        var index = Interlocked.Add(ref _lastIndex, 2);
        _namespace.Configure(
            "link set lo up",
            $"link add {Interface} index {index - 1} type veth peer name {OtherInterface} index {index}",
            $"link set {OtherInterface} up",
            $"link set {Interface} up",
            $"address add 10.9.0.1/24 dev {Interface}",
            $"address add 10.9.1.1/24 dev {OtherInterface}");
    }

    /// <summary>Gives an interface another name.</summary>
    public void Rename(string name, string to) => _namespace.Configure($"link set {name} name {to}");

    /// <summary>Has iproute2 carry out lines of the default route and the like.</summary>
    public void Configure(params string[] lines) => _namespace.Configure(lines);

    /// <summary>Pulls them out, and others of their names in.</summary>
    public void Replug()
    {
        Unplug(Interface);
        Plug();
    }

    public void Unplug(string name) => _namespace.Configure($"link delete {name}");

    /// <summary>Plugs in an interface, a bridge, whose driver knows nothing of XDP.</summary>
    public void PlugPlain(string name) => _namespace.Configure(
        $"link add {name} type bridge", $"link set {name} up", $"address add 10.9.2.1/24 dev {name}");

    /// <summary>Plugs in a veth with an address, in CIDR notation; its other end is up.</summary>
    public void PlugVeth(string name, string address) => _namespace.Configure(
        $"link add {name} type veth peer name far", "link set far up", $"link set {name} up", $"address add {address} dev {name}");

    /// <summary>Hides what is in a directory from those who run on it.</summary>
    public void Hide(string path) => _namespace.Hide(path);

    /// <summary>Puts a file in a file's place for those who run on it.</summary>
    public void Cover(string path, string with) => _namespace.Cover(path, with);

    /// <summary>Runs it inside, beside what else runs there.</summary>
    public Task Beside(Action action) => _namespace.RunBeside(action);

    /// <summary>Mounts the bpf file system so that nobody can write in it.</summary>
    public void ForbidPins() => _namespace.ForbidPins();

    /// <summary>A client whose sockets are opened on the machine.</summary>
    /// <param name="port">Of its loopback.</param>
    public HttpClient Http(int port) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellation) =>
        {
            var socket = Inside(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            await socket.ConnectAsync(IPAddress.Loopback, port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    { BaseAddress = new("http://machine") };

    /// <summary>Makes a file system read-only for those who run on it.</summary>
    public void ForbidToWrite(string path) => _namespace.ForbidToWrite(path);

    /// <summary>Types a command line of words without blanks, and waits for its end.</summary>
    public (int Code, string Output, string Error) Type(string line) => Execute(Program, line.Split(' '));

    /// <summary>The same as somebody to whom the pins do not belong, and who has no privilege.</summary>
    public (int Code, string Output, string Error) TypeUnprivileged(string line)
    {
        _namespace.GiveAwayPins();
        return Execute("setpriv", ["--bounding-set=-all", Program, .. line.Split(' ')]);
    }

    (int Code, string Output, string Error) Execute(string program, string[] arguments) => Inside(() =>
    {
        using var process = ChildProcess.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    });

    /// <summary>
    /// Attaches as a runner does that has just been started; to be called inside. The tc and XDP programs pass every packet
    /// (Programs/), the socket programs are the balancer's.
    /// </summary>
    public static AttachedDatapath Start(LoadBalancerConfiguration configuration, Action<LbTables>? fill = null)
    {
        try
        {
            EmbeddedObject.Preferred = typeof(Machine).Assembly;
            return StartLocked(configuration, fill ?? Fill);
        }
        finally
        {
            EmbeddedObject.Preferred = null;
            ChildProcess.AwaitExec(); // the next one can have the locks
        }
    }

    static AttachedDatapath StartLocked(LoadBalancerConfiguration configuration, Action<LbTables> fill)
    {
        NetworkDevice[] devices = [.. configuration.Interfaces.Select(NetworkDevice.Find)];
        string[] names = [.. devices.Select(device => device.Name)];
        using var held = InstanceLock.Acquire(names);
        using var stale = StaleInstances.Find(
            names, configuration.Replace ? null : LoadedDatapath.LayoutFor(AttachedDatapath.SizesFor(configuration)),
            NullLogger.Instance);
        return AttachedDatapath.Attach(configuration, devices, stale, tables =>
        {
            LinkReconciler.Apply(tables, devices);
            fill(tables);
        });
    }

    public static void Fill(LbTables tables) => new Reconciler(tables).Apply(
        [Snapshots.Web(A, B)], [IPAddress.Parse("10.9.0.1")]);

    /// <summary>The names of the links that are pinned; to be called inside.</summary>
    public static string[] Links(string instance = Interface) =>
        [.. Directory.GetFiles(Instance.Directory(instance), "link_*").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>The pinned links, with the programs that they attach; to be called inside.</summary>
    public static unsafe (string Name, uint Id, uint Program, uint Ifindex)[] Attached(
        string instance = Interface) =>
    [
        .. Links(instance).Select(name =>
        {
            using var link = Fd.OpenPin(Path.Combine(Instance.Directory(instance), name));
            var info = default(bpf_link_info);
            var length = (uint)sizeof(bpf_link_info);
            Assert.Equal(0, LibBpf.bpf_obj_get_info_by_fd(link.Number, &info, &length));
            return (name, info.id, info.prog_id, info.ifindex);
        }),
    ];

    /// <summary>What the instance says of itself; to be called inside.</summary>
    public static LbInstance Self()
    {
        using var tables = LbTables.OpenPins(Pins);
        Assert.True(tables.Instance.TryGet(0, out var self));
        return self;
    }
}
