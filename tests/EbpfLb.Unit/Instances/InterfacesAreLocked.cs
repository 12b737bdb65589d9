using System.Net.Sockets;
using System.Runtime.InteropServices;
using EbpfLb.Datapath;

namespace EbpfLb.Unit.Instances;

public sealed partial class InterfacesAreLocked
{
    readonly string _name = $"test{Random.Shared.Next():x}";

    [Fact]
    public void The_second_process_is_refused()
    {
        using var first = Take(_name);

        Assert.NotNull(first);
        Assert.Null(Take(_name));
    }

    [Fact]
    public void Several_are_locked_all_or_none_and_the_taken_one_is_named()
    {
        string[] three = [_name, _name + "1", _name + "2"];
        using (Take(three[1]))
        {
            Assert.Null(InstanceLock.TryAcquire(three, out var taken));
            Assert.Equal(three[1], taken);
            ChildProcess.AwaitExec();
            Assert.False(InstanceLock.HeldInterfaces().Contains(three[0]));
        }
        ChildProcess.AwaitExec();

        using var all = InstanceLock.TryAcquire(three, out _);

        Assert.All(three, name => Assert.Null(Take(name)));
    }

    [Fact]
    public void Others_see_whether_it_is_held()
    {
        Assert.False(InstanceLock.HeldInterfaces().Contains(_name));
        using (Take(_name + "0"))
        using (Take(_name))
        {
            Assert.True(InstanceLock.HeldInterfaces().Contains(_name));
            Assert.False(InstanceLock.HeldInterfaces().Contains(_name[1..]));
        }
        ChildProcess.AwaitExec();
        Assert.False(InstanceLock.HeldInterfaces().Contains(_name));
    }

    [Fact]
    public void A_lock_of_an_unprivileged_user_does_not_count()
    {
        using var plain = BindAsNobody($"ebpf-lb/{_name}");
        using var similar = BindAsNobody($"ebpf-lb/{_name}/{Guid.NewGuid():N}");

        Assert.False(InstanceLock.HeldInterfaces().Contains(_name));
        using var first = Take(_name);

        Assert.NotNull(first);
        Assert.Null(Take(_name));
    }

    [Fact]
    public void One_more_may_be_taken_and_the_same_one_again()
    {
        using var first = Take(_name)!;
        using var other = Take(_name + "1");

        first.Add(_name);
        first.Add(_name + "2");

        Assert.Throws<LoadBalancerException>(() => first.Add(_name + "1"));
        Assert.Null(Take(_name + "2"));
    }

    [Fact]
    public void A_lock_that_was_refused_is_refused_again_until_its_holder_ends()
    {
        using var first = Take(_name)!;
        using (Take(_name + "1"))
        {
            Assert.Throws<LoadBalancerException>(() => first.Add(_name + "1"));
            ChildProcess.AwaitExec();
            Assert.Throws<LoadBalancerException>(() => first.Add(_name + "1"));
        }
        ChildProcess.AwaitExec();

        first.Add(_name + "1");

        Assert.Null(Take(_name + "1"));
    }

    /// <summary>The kernel takes a socket's owner from the file system user id, which each thread has of its own.</summary>
    static Socket BindAsNobody(string name)
    {
        Socket? socket = null;
        var thread = new Thread(() =>
        {
            const uint Nobody = 65534;
            _ = setfsuid(Nobody);
            socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(new UnixDomainSocketEndPoint("\0" + name));
        });
        thread.Start();
        thread.Join();
        return socket!;
    }

    [LibraryImport("libc")]
    private static partial int setfsuid(uint id);

    static InstanceLock? Take(string name) => InstanceLock.TryAcquire([name], out _);
}
